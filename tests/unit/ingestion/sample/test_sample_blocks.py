"""A sample of many blocks: what must hold over all of them, and what each costs."""

import re
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from ingestion.contract import read_contract
from ingestion.sample.blocks import Plan, serial, write_block
from ingestion.sample.companies import _numbers
from ingestion.sample.deliveries import make_deliveries
from ingestion.sample.dirt import OVERSEAS
from ingestion.sample.settings import MOST_COMPANIES, SampleSettings, companies_of, read_sample_settings, share_of
from warehouse.errors import UserError

CONTRACT = read_contract()
MOST_BLOCKS = MOST_COMPANIES // 10_000


def test_companies_never_delivered_have_a_number_of_their_own_in_every_block_and_delivery():
    serials = [serial(block, place) for block in range(MOST_BLOCKS) for place in range(4)]
    assert len(set(serials)) == len(serials)
    assert all(re.fullmatch("[0-9A-Z]{4}", text) for text in serials)
    assert (serial(7, 3), serial(99, 0), serial(100, 0), serial(MOST_BLOCKS - 1, 3)) == ("0703", "9900", "A000", "YZ03")


def test_a_block_far_behind_has_orphans_with_a_valid_number():
    plan = Plan(SampleSettings(companies=300_000), CONTRACT, 1_500)
    written = write_block(plan, 150)
    orphans = re.findall(rb"(?m)^" + OVERSEAS.encode() + rb"B\w+", written.lines[0, "AC01"].data)
    assert orphans
    assert all(len(number) == 8 for number in orphans)


@pytest.mark.parametrize("block", [0, MOST_BLOCKS - 1])
def test_no_number_is_longer_than_the_registers_however_many_blocks_share_it(block):
    young = np.datetime64("2026-01-01") + np.arange(900) % 200 * np.timedelta64(1, "D")
    numbers = _numbers(["SC"] * 900, np.sort(young), block, MOST_BLOCKS).tolist()
    assert {len(number) for number in numbers} == {8}
    assert numbers == sorted(set(numbers))
    assert {int(number[2:]) % MOST_BLOCKS for number in numbers} == {block}


def test_a_block_does_not_depend_on_those_before_it():
    plan = Plan(SampleSettings(companies=2_000), CONTRACT, 500)
    alone = write_block(plan, 3)
    in_turn = [write_block(plan, number) for number in range(4)]
    assert alone == in_turn[3]
    assert not alone.truth.users.keys() & in_turn[2].truth.users.keys()


@pytest.fixture
def arrow() -> Iterator[pa.MemoryPool]:
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    yield pool
    pa.set_memory_pool(before)


def peak(folder, companies: int, pool: pa.MemoryPool) -> int:
    """Return the bytes that Python, NumPy and Arrow held at most, the last of them since the pool began."""
    tracemalloc.start()
    make_deliveries(folder, SampleSettings(companies=companies), processes=1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most + pool.max_memory()


def test_memory_is_bounded_by_a_block_and_not_by_the_sample(tmp_path, monkeypatch, arrow):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 250)
    make_deliveries(tmp_path / "first", SampleSettings(companies=250), processes=1)  # fills what is kept for good
    few = peak(tmp_path / "few", 500, arrow)
    assert peak(tmp_path / "many", 6_000, arrow) < 1.25 * few


@pytest.mark.parametrize("text", ["0", "-1", "5e6", "20,000", "", "10000001", "٣"])
def test_a_number_of_companies_is_checked_where_it_is_asked_for(text):
    with pytest.raises(ValueError, match="is not a number of companies from 1 to 10,000,000"):
        companies_of(text)


@pytest.mark.parametrize("text", ["1.1", "-0.1", "nan", "half", ""])
def test_a_share_is_checked_where_it_is_asked_for(text):
    with pytest.raises(ValueError, match="is not a share from 0 to 1"):
        share_of(text)


def test_settings_come_from_the_environment_or_are_left_to_the_caller():
    assert read_sample_settings({}) is None
    assert read_sample_settings({"SAMPLE_COMPANIES": ""}) is None
    assert read_sample_settings({"SAMPLE_COMPANIES": "5000000"}) == SampleSettings(companies=5_000_000)
    with pytest.raises(UserError, match=r"^SAMPLE_COMPANIES=many is not a number of companies"):
        read_sample_settings({"SAMPLE_COMPANIES": "many"})
