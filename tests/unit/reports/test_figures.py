"""What is written as CSV can be read back, cell for cell, and no cell is a formula."""

import csv
import datetime
import io

from hypothesis import given
from hypothesis import strategies as st

from reports.figures import FORMULA, Table

cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@given(st.lists(st.tuples(cells, st.floats(allow_nan=False), st.integers()), max_size=5))
def test_a_table_is_read_back_as_it_was(rows):
    read = list(csv.reader(io.StringIO(Table("t", ("a", "b", "c"), rows).csv(), newline="")))
    assert read[0] == ["a", "b", "c"]
    assert [(row[0].removeprefix("'"), float(row[1]), int(row[2])) for row in read[1:]] == [
        (text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("'"), number, whole)
        for text, number, whole in rows
    ]
    assert not [row for row in read[1:] if row[0].startswith(FORMULA)]


def test_nothing_is_written_for_null_and_a_negative_number_stays_one():
    table = Table("t", ("a", "b", "c"), [(None, -1.5, datetime.date(2026, 10, 1)), ("=1+1", -2, "plain")])
    assert table.csv() == "a,b,c\n,-1.5,2026-10-01\n'=1+1,-2,plain\n"
