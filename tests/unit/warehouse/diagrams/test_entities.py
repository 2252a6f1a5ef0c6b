"""The marts as entities: keys and references are those that data tests prove."""

from itertools import combinations
from xml.etree import ElementTree

import pytest

from tests.unit.warehouse.diagrams.manifests import generic_test, manifest, model
from warehouse.diagrams.entities import Reference, draw_entities, read_entities, read_keys, read_references

SVG = "{http://www.w3.org/2000/svg}"


def columns(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"name": name, "data_type": "varchar"} for name in names}


MARTS = [
    model("customers", "marts", columns=columns("customer", "name", "town")),
    model("orders", "marts", columns=columns("customer", "ordered_on", "previous_on", "amount")),
    model("bills", "marts", columns=columns("bill", "customer", "ordered_on")),
    model("notes", "marts", columns=columns("note", "line")),
    model("int_orders", "intermediate", columns=columns("customer")),
]
TESTS = [
    generic_test("customers", "unique", column_name="customer"),
    generic_test("customers", "not_null", column_name="customer"),
    generic_test("customers", "unique", column_name="name"),
    generic_test("orders", "unique_combination", columns=["customer", "ordered_on"]),
    generic_test("orders", "relationships", column_name="customer", to="ref('customers')", field="customer"),
    generic_test(
        "orders", "relationships_combination", columns=["customer", "previous_on"], to="ref('orders')",
        fields=["customer", "ordered_on"],
    ),
    generic_test("bills", "unique", column_name="bill"),
    generic_test("bills", "not_null", column_name="bill"),
    generic_test("bills", "relationships_combination", columns=["customer", "ordered_on"], to="ref('orders')"),
    generic_test("bills", "relationships", column_name="customer", to="ref('int_orders')", field="customer"),
    generic_test("int_orders", "relationships", column_name="customer", to="ref('customers')", field="customer"),
]  # fmt: skip
SHOP = manifest(MARTS + TESTS)


def test_keys_are_unique_and_never_null_by_test() -> None:
    assert read_keys(SHOP) == {
        "model.customers": (("customer",),),
        "model.orders": (("customer", "ordered_on"),),
        "model.bills": (("bill",),),
    }


def test_references_are_those_between_marts() -> None:
    assert read_references(SHOP) == [
        Reference("bills", ("customer", "ordered_on"), "orders", ("customer", "ordered_on")),
        Reference("orders", ("customer",), "customers", ("customer",)),
        Reference("orders", ("customer", "previous_on"), "orders", ("customer", "ordered_on")),
    ]


def test_entity_shows_keys_and_references_and_counts_the_rest() -> None:
    entities = read_entities(SHOP)
    assert [(row.name, row.data_type, row.mark) for row in entities["orders"].rows] == [
        ("customer", "varchar", "key"),
        ("ordered_on", "varchar", "key"),
        ("previous_on", "varchar", "ref"),
    ]
    assert entities["orders"].more == "1 more column"
    assert entities["customers"].more == "2 more columns"
    assert set(entities) == {"customers", "orders", "bills", "notes"}


def test_several_keys_are_told_apart() -> None:
    tests = [
        generic_test("notes", test, column_name=name) for test in ("unique", "not_null") for name in ("note", "line")
    ]
    notes = read_entities(manifest([*MARTS, *tests]))["notes"]
    assert [(row.name, row.mark) for row in notes.rows] == [("line", "key 1"), ("note", "key 2")]
    assert notes.more == "no other column"


@pytest.mark.parametrize("nodes", [MARTS + TESTS, MARTS, []])
def test_every_mart_is_a_box_apart_from_the_others_and_inside_the_picture(nodes: list[dict[str, object]]) -> None:
    root = ElementTree.fromstring(draw_entities(manifest(nodes)))
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    groups = [group for group in root.iter(f"{SVG}g") if "data-entity" in group.attrib]
    names = ["bills", "customers", "notes", "orders"] if nodes else []
    assert sorted(group.attrib["data-entity"] for group in groups) == names
    places = []
    for group in groups:
        rectangle = group.find(f"{SVG}rect")
        assert rectangle is not None
        x, y, wide, high = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
        places.append((x, y, x + wide, y + high))
    assert all(x >= 0 and y >= 0 and right < width and bottom < height for x, y, right, bottom in places)
    for one, other in combinations(places, 2):
        assert one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]


def test_every_reference_is_a_line_with_its_columns_as_hint() -> None:
    root = ElementTree.fromstring(draw_entities(SHOP))
    hints = [path.findtext(f"{SVG}title") for path in root.iter(f"{SVG}path") if "data-child" in path.attrib]
    assert hints == [reference.hint for reference in read_references(SHOP)]


def test_crows_foot_is_drawn_where_a_row_may_be_referred_to_by_many() -> None:
    def marks(columns: list[str]) -> int:
        reference = generic_test("bills", "relationships_combination", columns=columns, to="ref('orders')")
        key = [generic_test("bills", test, column_name="bill") for test in ("unique", "not_null")]
        root = ElementTree.fromstring(draw_entities(manifest([*MARTS, *key, reference])))
        (line,) = (path.attrib["d"] for path in root.iter(f"{SVG}path") if "data-child" in path.attrib)
        return line.split(" M")[-1].count("L")  # two strokes make a crow's foot, one a bar

    assert marks(["customer", "ordered_on"]) == 2
    assert marks(["bill", "ordered_on"]) == 1


def test_marts_that_refer_to_each_other_in_a_circle_are_drawn() -> None:
    circle = [
        generic_test("orders", "relationships", column_name="customer", to="ref('customers')", field="customer"),
        generic_test("customers", "relationships", column_name="customer", to="ref('orders')", field="customer"),
    ]
    root = ElementTree.fromstring(draw_entities(manifest([*MARTS, *circle])))
    assert len([path for path in root.iter(f"{SVG}path") if "data-child" in path.attrib]) == 2
