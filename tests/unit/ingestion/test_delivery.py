import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.contract import read_contract
from ingestion.delivery import Delivery, inspect_contents, member_name, parse_delivery

CONTRACT = read_contract()
OCTOBER = Delivery("UKLTD_M_20261001", "M", "2026-10")
ARCHIVES = [f"{file}_M_20261001.rar" for file in CONTRACT.tables]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("UKLTD_M_20261001", OCTOBER),
        ("UKLTD_S_20260801", Delivery("UKLTD_S_20260801", "S", "2026-08")),
        ("UKLTD_M_20261301", None),
        ("UKLTD_M_20261002", None),
        ("UKLTD_X_20261001", None),
        ("UKLTD_M_20261001 ", None),
        ("UKLTD_M_20261001\n", None),
        ("UKLTD_M_\N{FULLWIDTH DIGIT TWO}0261001", None),
        ("OLD_UKLTD_M_20261001", None),
    ],
)
def test_a_folder_is_a_delivery_only_under_the_exact_name(folder: str, expected: Delivery | None) -> None:
    assert parse_delivery(CONTRACT, folder) == expected


@given(folder=st.text(max_size=30))
def test_any_folder_name_can_be_read(folder: str) -> None:
    delivery = parse_delivery(CONTRACT, folder)
    assert delivery is None or delivery.name == folder


def test_deliveries_sort_oldest_first_and_a_stock_before_the_monthly_one_of_its_month() -> None:
    names = ["UKLTD_M_20261001", "UKLTD_S_20261201", "UKLTD_M_20261201", "UKLTD_M_20270101"]
    found = [parse_delivery(CONTRACT, name) for name in reversed(names)]
    assert [each.name for each in sorted((each for each in found if each), key=lambda each: each.order)] == names


def test_the_member_has_the_name_of_its_file_kind_and_month() -> None:
    assert member_name(CONTRACT, OCTOBER, "AC01") == "AC01_M_20261001.txt"


def test_every_archive_is_assigned_to_its_file_in_the_order_of_the_contract() -> None:
    found = inspect_contents(CONTRACT, OCTOBER, reversed(ARCHIVES))
    assert list(found.archives.items()) == [
        (file, [name]) for file, name in zip(CONTRACT.tables, ARCHIVES, strict=True)
    ]
    assert found.faults == ()


def test_volumes_are_in_the_order_of_their_numbers() -> None:
    volumes = [f"CI01_M_20261001.part{number}.rar" for number in range(1, 12)]
    found = inspect_contents(CONTRACT, OCTOBER, [*sorted(volumes), *ARCHIVES[1:]])
    assert found.archives["CI01"] == volumes
    assert found.faults == ()
    padded = [f"CI01_M_20261001.part{number:03}.rar" for number in range(1, 12)]
    assert inspect_contents(CONTRACT, OCTOBER, [*padded, *ARCHIVES[1:]]).archives["CI01"] == padded


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (ARCHIVES[:-1], "lacks the file LUSC02_M_20261001.rar"),
        (ARCHIVES[2:], "lacks the files CI01_M_20261001.rar, AC01_M_20261001.rar"),
        ([*ARCHIVES, "readme.txt"], "unknown file 'readme.txt'"),
        ([*ARCHIVES, "CI01_M_20261001.RAR"], "unknown file 'CI01_M_20261001.RAR'"),
        ([*ARCHIVES, "CI01_S_20261001.rar"], "unknown file 'CI01_S_20261001.rar'"),
        ([*ARCHIVES, "CI01_M_20261001.rar.filepart"], "still being uploaded, it holds CI01_M_20261001.rar.filepart"),
        ([*ARCHIVES, "CI01_M_20261001.part1.rar"], "has both CI01_M_20261001.rar and CI01_M_20261001.part1.rar"),
        ([*ARCHIVES[1:], "CI01_M_20261001.part2.rar"], "has CI01_M_20261001.part2.rar but not volume 1"),
        ([*ARCHIVES[1:], "CI01_M_20261001.part0.rar"], "unknown file 'CI01_M_20261001.part0.rar'"),
        (
            [*ARCHIVES[1:], "CI01_M_20261001.part1.rar", "CI01_M_20261001.part01.rar"],
            "unknown file 'CI01_M_20261001.part1.rar'",
        ),
    ],
)
def test_a_folder_that_is_not_a_whole_delivery_is_refused(names: list[str], sentence: str) -> None:
    assert sentence in inspect_contents(CONTRACT, OCTOBER, names).faults[0]


def test_everything_that_is_wrong_with_a_folder_is_found() -> None:
    names = [*ARCHIVES[3:], "CI01_M_20261001.part2.rar", "AC01_M_20261001.rar.filepart", "readme.txt", "more"]
    found = inspect_contents(CONTRACT, OCTOBER, names)
    assert found.uploading == ("AC01_M_20261001.rar.filepart",)
    assert found.unknown == ("more", "readme.txt")
    assert found.missing == (ARCHIVES[1], ARCHIVES[2])
    assert [fault.split(maxsplit=1)[0] for fault in found.faults] == ["is", "holds", "lacks", "has"]
