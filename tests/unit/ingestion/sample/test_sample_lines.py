from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.contract import Column, Contract, read_contract
from ingestion.sample.dirt import ROW_RATES, add_rows, soil_values
from ingestion.sample.lines import header, write_lines
from ingestion.sample.rows import Rows, texts

CONTRACT: Contract = read_contract()


def rows_of(file: str, size: int) -> Rows:
    """Return clean rows whose every value parses."""
    samples = {"date": "03/04/2021", "integer": "7", "bigint": "700", "double": "1.5", "boolean": "Y"}
    columns = {
        column.name: [samples.get(column.type, "A" if column.lookup else "TWO WORDS")] * size
        for column in CONTRACT.tables[file].columns
    }
    columns["company_number"] = [f"{number:08d}" for number in range(size)]
    return Rows(
        {name: texts(np.array(values, dtype=object)) for name, values in columns.items()},
        np.zeros(size, dtype=bool),
        {},
    )


def written(
    file: str, rows: Rows, contract: Contract = CONTRACT, only_bare: bool = False
) -> tuple[bytes, Counter[str]]:
    table = contract.tables[file]
    order = [column.name for column in table.columns]
    lines = write_lines(np.random.default_rng(1), contract, table, order, rows.columns, only_bare=only_bare)
    return header(order, contract, only_bare) + lines.data, lines.counts


def test_a_column_that_the_generator_does_not_know_is_delivered_blank():
    table = CONTRACT.tables["MR02"]
    columns = (table.columns[0], Column("nobody_knows", "date", False, None), *table.columns[1:])
    contract = replace(CONTRACT, tables=CONTRACT.tables | {"MR02": replace(table, columns=columns)})
    data, _ = written("MR02", rows_of("MR02", 3), contract)
    lines = data.decode().split("\r\n")
    assert lines[0] == "company_number|nobody_knows|charge_number|person_number|person_entitled"
    assert lines[1] == "00000000||7|7|TWO WORDS"


def test_delimiter_and_encoding_are_those_of_the_contract():
    contract = replace(CONTRACT, delimiter=";", encoding="utf-8")
    rows = rows_of("MR02", 1)
    rows.columns["person_entitled"] = texts(np.array(["CAFÉ"], dtype=object))
    data, _ = written("MR02", rows, contract)
    assert data.split(b"\r\n")[1] == "00000000;7;7;CAFÉ".encode()


@settings(max_examples=20)
@given(
    size=st.integers(0, 400), seed=st.integers(0, 2**32), file=st.sampled_from(["CI01", "AC01", "AC06", "MR01", "MR02"])
)
def test_lines_are_rows_rejected_and_blank_ones(size, seed, file):
    rng = np.random.default_rng(seed)
    rows = add_rows(rng, CONTRACT.tables[file], soil_values(rng, CONTRACT.tables[file], rows_of(file, size)), "0000")
    data, counts = written(file, rows)
    assert counts["lines"] == counts["rows"] + counts["rejected"] + counts["blank"]
    assert data.count(b"\n") == counts["lines"] + 1
    assert counts["rows"] == len(rows.dirty)
    assert counts["rejected"] == counts["too_few_values"] + counts["too_many_values"] + counts["undecodable"]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), file=st.sampled_from(["CI01", "AC01", "AC06", "MR01", "MR02"]))
def test_a_newline_in_a_value_makes_two_lines_that_both_lack_values(seed, file):
    table = CONTRACT.tables[file]
    order = np.random.default_rng(seed).permutation([column.name for column in table.columns]).tolist()
    columns = rows_of(file, 30).columns
    lines = write_lines(np.random.default_rng(seed), CONTRACT, table, order, columns, only_bare=True)
    crlf = write_lines(np.random.default_rng(seed), CONTRACT, table, order, columns, only_bare=False)
    assert lines.counts["newline_in_value"] == crlf.counts["newline_in_value"] >= 1
    short = [line for line in lines.data.split(b"\n")[:-1] if line and line.count(b"|") < len(order) - 1]
    assert len(short) == lines.counts["too_few_values"] >= 3
    whole = [line for line in lines.data.split(b"\n") if line.count(b"|") == len(order) - 1]
    assert len(whole) == 30 + lines.counts["undecodable"]


@pytest.mark.parametrize("file", ["CI01", "AC01", "AC06", "MR01", "MR02"])
def test_every_kind_of_dirt_occurs_in_a_small_file(file):
    rng = np.random.default_rng(1)
    rows = add_rows(rng, CONTRACT.tables[file], soil_values(rng, CONTRACT.tables[file], rows_of(file, 200)), "0000")
    _, counts = written(file, rows)
    kinds = set(rows.planted) | {kind for kind, count in counts.items() if count}
    assert kinds >= {"duplicate_key", "unparseable_key", "surrounding_blanks", "too_few_values", "undecodable", "blank"}
    assert kinds >= {"newline_in_value"}
    own = {
        "CI01": {"unparseable_date", "blank_code", "stray_carriage_return", "code_not_in_lookup"},
        "AC01": {"unparseable_date", "unparseable_number", "unknown_company", "future_date"},
        "AC06": {"unparseable_number", "unknown_company"},
        "MR01": {"unparseable_date", "blank_code", "unknown_company", "stray_carriage_return"},
        "MR02": {"unknown_company", "unknown_charge", "stray_carriage_return"},
    }
    assert kinds >= own[file]


def test_a_stale_copy_comes_before_the_row_itself():
    rows = add_rows(np.random.default_rng(3), CONTRACT.tables["AC01"], rows_of("AC01", 2_000), "0000")
    numbers, debtors = rows.columns["company_number"].to_pylist(), rows.columns["trade_debtors"].to_pylist()
    stale = [place for place, value in enumerate(debtors) if value == "1" and numbers.count(numbers[place]) > 1]
    assert stale
    for place in stale:
        assert debtors[len(numbers) - 1 - numbers[::-1].index(numbers[place])] == "700"


def test_dirt_is_rare():
    assert sum(ROW_RATES.values()) < 0.01
    rows = soil_values(np.random.default_rng(1), CONTRACT.tables["AC01"], rows_of("AC01", 5_000))
    assert rows.dirty.mean() < 0.02


def test_dates_that_decide_who_is_a_user_are_left_to_the_charges():
    rows = soil_values(np.random.default_rng(1), CONTRACT.tables["MR01"], rows_of("MR01", 20_000))
    for name in ("created_date", "registered_date"):
        assert {value.strip() for value in rows.columns[name].to_pylist()} == {"03/04/2021"}
    assert set(rows.columns["satisfied_date"].to_pylist()) > {"03/04/2021"}


def test_an_older_file_has_only_bare_newlines():
    data, counts = written("MR02", rows_of("MR02", 50), only_bare=True)
    assert b"\r\n" not in data
    assert counts["bare_newline"] == counts["lines"]
