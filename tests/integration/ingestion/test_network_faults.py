"""A network that cuts, stalls, drips or corrupts, at any point of a run: the lake is that of an undisturbed one."""

import types
from collections.abc import Callable, Mapping

import pytest
from faults import StoppedClock
from proxy import Proxy
from vendor import Site, deliver, pack, text

DELIVERY = "UKLTD_M_20261001"
# in the key exchange, in the login, in the listings, in the first archives and in the largest
PLACES = (20, 1_500, 4_000, 9_000, 60_000, 600_000)
RUNS = 3


@pytest.fixture
def undisturbed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, bytes]:
    """Land a delivery with one large file, on a day on which no time passes; give the lake, and empty it."""
    monkeypatch.setattr("ingestion.ingest.datetime", StoppedClock)
    monkeypatch.setattr("ingestion.ingest.time", types.SimpleNamespace(monotonic=lambda: 0.0))
    monkeypatch.setattr("ingestion.sftp_connection.ANSWER_SECONDS", 1.0)
    monkeypatch.setattr("ingestion.sftp_connection.LOGIN_SECONDS", 1.0)
    folder = deliver(site.deliveries, DELIVERY)
    pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    pack(folder, "AC01", text("AC01", rows=2_000))
    site.succeeds()
    content = site.content()
    for path in site.lake.rglob("*"):
        if path.is_file():
            path.unlink()
    site.warehouse.unlink()
    return content


@pytest.mark.parametrize("harm", ["cut", "stall", "corrupt", "drip"])
@pytest.mark.parametrize("place", PLACES)
def test_harm_at_any_place_is_made_up_for(
    site: Site, proxy: Callable[..., Proxy], undisturbed: Mapping[str, bytes], harm: str, place: int
) -> None:
    between = proxy(cuts=2, after=place, harm=harm)
    for _ in range(RUNS):
        status, _, errors = site.run({"SFTP_PORT": str(between.port)})
        if status == 0:
            break
        assert (status, errors.count("\n"), errors[:7]) == (1, 1, "error: ")
    assert status == 0
    assert between.cuts <= 0
    assert site.content() == undisturbed
    assert not (site.lake / ".work").exists()
