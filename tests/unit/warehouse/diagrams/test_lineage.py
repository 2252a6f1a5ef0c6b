"""The lineage as a picture: every box and every line once, each where its layer says."""

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.unit.warehouse.diagrams.manifests import manifest, model
from warehouse.diagrams.lineage import LOOKS, draw_lineage

SVG = "{http://www.w3.org/2000/svg}"
SHOP = manifest(
    [
        {"resource_type": "seed", "name": "countries", "description": "Countries & <others>."},
        model("stg_orders", "staging", ("source.shop.orders",), "incremental"),
        model("int_orders__screened", "intermediate", ("model.stg_orders", "seed.countries")),
        model("int_orders", "intermediate", ("model.int_orders__screened",), "view"),
        model("int_orders_priced", "intermediate", ("model.int_orders", "model.lags")),
        model("lags", "marts", ("model.int_orders",)),
        model("orders", "marts", ("model.int_orders_priced",)),
        {"resource_type": "test", "name": "orders_add_up", "depends_on": {"nodes": ["model.orders"]}},
    ],
    sources={
        "source.shop.orders": {"resource_type": "source", "source_name": "shop", "name": "orders", "description": ""}
    },
    exposures={
        "exposure.shop.report": {
            "resource_type": "exposure",
            "name": "report",
            "description": "Who reads.",
            "depends_on": {"nodes": ["model.orders"]},
        }
    },
)


def boxes(drawn: str) -> dict[str, dict[str, str]]:
    found = {}
    for group in ElementTree.fromstring(drawn).iter(f"{SVG}g"):
        if "data-node" in group.attrib:
            rectangle = group.find(f"{SVG}rect")
            assert rectangle is not None
            assert group.attrib["data-node"] not in found
            found[group.attrib["data-node"]] = rectangle.attrib
    return found


def lines(drawn: str) -> list[tuple[str, str]]:
    paths = ElementTree.fromstring(drawn).iter(f"{SVG}path")
    return [(path.attrib["data-parent"], path.attrib["data-child"]) for path in paths if "data-parent" in path.attrib]


@pytest.fixture(scope="module")
def drawn() -> str:
    return draw_lineage(SHOP)


def test_every_source_seed_model_and_exposure_is_a_box_and_no_test_is(drawn: str) -> None:
    assert set(boxes(drawn)) == {
        "source.shop.orders", "seed.countries", "model.stg_orders", "model.int_orders__screened", "model.int_orders",
        "model.int_orders_priced", "model.lags", "model.orders", "exposure.shop.report",
    }  # fmt: skip


def test_every_reading_is_a_line_drawn_once(drawn: str) -> None:
    assert sorted(lines(drawn)) == [
        ("model.int_orders", "model.int_orders_priced"),
        ("model.int_orders", "model.lags"),
        ("model.int_orders__screened", "model.int_orders"),
        ("model.int_orders_priced", "model.orders"),
        ("model.lags", "model.int_orders_priced"),
        ("model.orders", "exposure.shop.report"),
        ("model.stg_orders", "model.int_orders__screened"),
        ("seed.countries", "model.int_orders__screened"),
        ("source.shop.orders", "model.stg_orders"),
    ]


def test_layers_stand_from_left_to_right(drawn: str) -> None:
    x = {key: float(box["x"]) for key, box in boxes(drawn).items()}
    assert x["source.shop.orders"] == x["seed.countries"] < x["model.stg_orders"] < x["model.int_orders__screened"]
    assert (
        x["model.int_orders__screened"] < x["model.int_orders_priced"] < x["model.orders"] < x["exposure.shop.report"]
    )
    assert x["model.lags"] == x["model.orders"]


def test_view_of_one_stored_model_stands_below_it(drawn: str) -> None:
    view, shown = (boxes(drawn)[key] for key in ("model.int_orders", "model.int_orders__screened"))
    assert view["x"] == shown["x"]
    assert float(view["y"]) > float(shown["y"])


def test_materialisation_is_written_and_told_by_the_edge(drawn: str) -> None:
    texts = [element.text for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert texts.count("view") == 2  # the box and the legend
    found = boxes(drawn)
    looks = {kind: {name.replace("_", "-"): value for name, value in look.items()} for kind, look in LOOKS.items()}
    assert looks["view"].items() <= found["model.int_orders"].items()
    assert looks["incremental"].items() <= found["model.stg_orders"].items()
    assert looks["table"].items() <= found["model.orders"].items()
    assert len({tuple(look.items()) for look in looks.values()}) == len(looks)


def test_line_back_to_an_earlier_layer_is_broken(drawn: str) -> None:
    broken = [
        (path.attrib["data-parent"], path.attrib["data-child"])
        for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")
        if "data-parent" in path.attrib and "stroke-dasharray" in path.attrib
    ]
    assert broken == [("model.lags", "model.int_orders_priced")]


def test_description_is_a_hint_and_needs_no_escape(drawn: str) -> None:
    titles = [element.text for element in ElementTree.fromstring(drawn).iter(f"{SVG}title")]
    assert "countries: Countries & <others>." in titles


def test_project_of_nothing_is_drawn() -> None:
    nothing: dict[str, Any] = manifest([])
    assert not boxes(draw_lineage(nothing))
