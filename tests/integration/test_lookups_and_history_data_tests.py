"""The data tests fail on what they are there to find, shown on marts with one fault of each kind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]

FAULTY_TABLES = """
    create schema marts;
    create schema intermediate;

    create table marts.company_history (company_number varchar, valid_from date, valid_to date, is_current boolean);
    insert into marts.company_history values
        ('FINE0001', '2026-01-01', '2026-03-01', false), ('FINE0001', '2026-03-01', null, true),
        ('OVERLAPS', '2026-01-01', '2026-04-01', false), ('OVERLAPS', '2026-03-01', null, true),
        ('AGAP0001', '2026-01-01', '2026-02-01', false), ('AGAP0001', '2026-03-01', null, true),
        ('TWOARECU', '2026-01-01', null, true), ('TWOARECU', '2026-03-01', null, true),
        ('NONEISCU', '2026-01-01', '2026-02-01', false),
        ('NOTFLAGD', '2026-01-01', null, false),
        ('BACKWARD', '2026-02-01', '2026-01-01', true);

    create table intermediate.int_companies (company_number varchar, legal_status varchar, dissolution_date date);
    create table marts.company_latest (company_number varchar, legal_status varchar, dissolution_date date);
    insert into intermediate.int_companies values
        ('FINE0001', 'A', null), ('BLANK001', null, null), ('OTHERSTA', 'A', null), ('OTHERDAY', 'D', '2026-01-01'),
        ('MISSING1', 'A', null);
    insert into marts.company_latest values
        ('FINE0001', 'A', null), ('BLANK001', null, null), ('OTHERSTA', null, null), ('OTHERDAY', 'D', '2026-01-02'),
        ('NOTTHERE', 'A', null);

    create table marts.row_accounting (
        step varchar, snapshot_month varchar, rows_in bigint, rows_out bigint, reason varchar, rows_left_out bigint
    );
    insert into marts.row_accounting values
        ('landing CI01', '2026-08', 12, 9, 'header line', 1), ('landing CI01', '2026-08', 12, 9, 'blank line', 2),
        ('current companies', '2026-08', 9, 5, 'key does not parse', 4),
        ('delivered companies to company history', '2026-08', 9, 11, 'none', 0),
        ('companies to users', '2026-08', 4, 2, 'no invoice-finance charge', 2),
        ('companies to users', '2026-09', 1, 1, 'none', 0),
        ('landing ZZ01', '2026-08', 1, 0, 'header line', 1);
    create table marts.users (company_number varchar, charges bigint);
    insert into marts.users values ('FINE0001', 0);
    create table marts.users_not_users (company_number varchar);
    create table marts.lagged_financials (company_number varchar);
    create table marts.to_train (company_number varchar);
    create table marts.to_predict (company_number varchar, is_eligible boolean);

    create table marts.lookup_coverage (entity varchar, column_name varchar, lookup varchar, coverage double);
    create table marts.unmapped_codes (
        entity varchar, column_name varchar, lookup varchar, code varchar, row_count bigint, companies bigint,
        missing_from varchar
    );
    insert into marts.lookup_coverage values
        ('companies', 'legal_status', 'legal_statuses', 0.9499), ('companies', 'company_type', 'company_types', 0.95),
        ('charges', 'legal_status', 'legal_statuses', 0.1);
    insert into marts.unmapped_codes values
        ('companies', 'legal_status', 'legal_statuses', 'X', 7, 7, ''),
        ('companies', 'legal_status', 'legal_statuses', 'Y', 7, 7, ''),
        ('companies', 'company_type', 'company_types', 'Z', 7, 7, ''),
        ('charges', 'legal_status', 'legal_statuses', 'Z', 7, 7, '');
"""

FAULTS = {
    # each company but the first
    "periods_do_not_overlap_company_history_company_number": 6,
    # each company but the first two, one missing on either side
    "company_latest_is_the_current_row_of_every_company": 4,
    # history gains two rows
    "rows_in_are_rows_out_and_rows_left_out": 1,
    # users read too few companies in one month and one from nowhere in the next; nobody reads ZZ01
    "rows_out_of_a_step_are_rows_in_of_the_next": 3,
    # users holds one company where three were accounted for
    "last_step_of_row_accounting_is_what_the_marts_hold": 1,
    # the codes of the one column below its threshold; a column at its threshold is good enough
    "codes_are_looked_up_int_companies_0_95__legal_status__legal_statuses": 2,
    "codes_are_looked_up_int_companies_0_95__company_type__company_types": 0,
    # thresholds of eight columns are there and the columns not, and one column has none
    "every_looked_up_column_has_a_threshold": 9,
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    folder = tmp_path_factory.mktemp("faulty")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(FAULTY_TABLES)
    subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", "test", "--select", *FAULTS],
        cwd=ROOT,
        env=os.environ | {"WAREHOUSE": str(folder / "warehouse.duckdb"), "DBT_TARGET_PATH": str(folder / "target")},
        capture_output=True,
        check=False,
    )
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[2]: result["failures"] for result in results}


@pytest.mark.parametrize(("data_test", "faults"), FAULTS.items())
def test_data_test_finds_every_fault_and_nothing_else(failures, data_test, faults):
    assert failures[data_test] == faults
