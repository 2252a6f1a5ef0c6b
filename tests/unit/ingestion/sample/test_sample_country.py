"""The companies, accounts and charges before they become text."""

import numpy as np
import pytest

from ingestion.sample.accounts import Accounts, deliverable_accounts
from ingestion.sample.books import Panel, draw_panel
from ingestion.sample.borrowing import draw_borrowing
from ingestion.sample.charges import Charges, draw_charges
from ingestion.sample.companies import Companies, draw_companies, section_of
from ingestion.sample.periods import add_months
from ingestion.sample.ratios import draw_particulars, ratios
from ingestion.sample.take_up import TakeUp, draw_take_up, log_hazard

STOCK, UNTIL = np.datetime64("2026-08-01"), np.datetime64("2026-11-01")
SIZE = 6_000


@pytest.fixture(scope="module")
def companies() -> Companies:
    return draw_companies(np.random.default_rng(1), SIZE, UNTIL)


@pytest.fixture(scope="module")
def panel(companies) -> Panel:
    return draw_panel(np.random.default_rng(2), companies, UNTIL)


@pytest.fixture(scope="module")
def accounts(companies, panel) -> Accounts:
    return deliverable_accounts(np.random.default_rng(3), companies.company_type, panel, STOCK, UNTIL)


@pytest.fixture(scope="module")
def take_up(companies, panel) -> TakeUp:
    return draw_take_up(np.random.default_rng(4), companies, panel, UNTIL)


@pytest.fixture(scope="module")
def charges(companies, panel, take_up) -> Charges:
    rng = np.random.default_rng(5)
    size = np.log(np.maximum(np.median(panel.values["turnover"], axis=1), 1))
    return draw_charges(rng, companies, draw_borrowing(rng, companies, take_up, size, stock_until=STOCK, until=UNTIL))


def test_company_numbers_have_eight_characters_and_no_two_blocks_share_one():
    blocks = [draw_companies(np.random.default_rng(block), 1_500, UNTIL, block, 3).number for block in range(3)]
    numbers = np.concatenate(blocks).tolist()
    assert len(set(numbers)) == len(numbers)
    assert {len(number) for number in numbers} == {8}
    assert any(number.startswith("0") for number in numbers)
    assert {number[:2] for number in numbers if number[0].isalpha()} >= {"SC", "NI", "OC"}


def test_older_companies_have_lower_numbers_within_a_register(companies):
    plain = np.array([number.isdigit() for number in companies.number])
    order = np.argsort(companies.number[plain].astype(str))
    assert (np.diff(companies.incorporation[plain][order]).astype(int) >= 0).all()


def test_the_country_looks_like_the_register(companies):
    share = {kind: (companies.company_type == kind).mean() for kind in ("PRI", "LLP", "PLC")}
    assert share["PRI"] == pytest.approx(0.9255, abs=0.015)
    assert 0.004 < share["LLP"] < 0.016
    assert (companies.section == "M").mean() == pytest.approx(0.1589, abs=0.02)
    age = (UNTIL - companies.incorporation).astype(int) / 365.25
    assert np.quantile(age, [0.25, 0.5, 0.75]) == pytest.approx([1.8, 5.0, 11.5], rel=0.15)
    assert 0.08 < (~np.isnat(companies.dissolution)).mean() < 0.18


@pytest.mark.parametrize(
    ("kind", "first"), [("LLP", "2001-04-06"), ("CIC", "2005-07-01"), ("SCIO", "2011-04-01"), ("CIO", "2013-01-02")]
)
def test_no_company_is_older_than_its_form_and_young_forms_have_all_ages_since(kind, first):
    many = draw_companies(np.random.default_rng(6), 40_000, UNTIL)
    born = many.incorporation[many.company_type == kind]
    span = (UNTIL - np.datetime64(first)).astype(int)
    age = (UNTIL - born).astype(int)
    assert (age <= span).all()
    assert age.max() > 0.8 * span
    assert np.median(age) < 0.5 * span
    assert (born == np.datetime64(first)).mean() < 0.1


def test_numbers_of_partnerships_and_societies_tell_the_country():
    many = draw_companies(np.random.default_rng(6), 40_000, UNTIL)
    prefixes: dict[str, set[str]] = {}
    for kind, register, number in zip(many.company_type, many.register, many.number, strict=True):
        prefixes.setdefault(f"{kind} {register}", set()).add(number[:2])
    expected = {"LP EW": "LP", "LP SC": "SL", "LP NI": "NL", "RS EW": "RS", "RS SC": "SP", "RS NI": "NP"}
    assert {group: prefixes[group] for group in expected} == {group: {prefix} for group, prefix in expected.items()}


def test_limited_partnerships_and_charities_have_no_accounts_and_no_charges(companies, accounts, take_up, charges):
    silent = np.isin(companies.company_type, ["LP", "CIO", "SCIO"])
    assert silent.sum() > 50
    assert not silent[accounts.company].any()
    assert not silent[charges.company].any()
    assert np.isnat(take_up.first_public[silent]).all()


def test_public_limited_companies_file_full_or_group_accounts(companies, accounts):
    kind = accounts.accounts_type[companies.company_type[accounts.company] == "PLC"]
    assert set(kind) - {""} == {"FUL", "GRP"}


def test_the_registrar_files_and_registers_nothing_on_a_weekend(accounts, charges):
    sound = charges.created < UNTIL  # not those of a mistyped century
    for dates in (accounts.filed, charges.registered[sound], charges.satisfied):
        known = dates[~np.isnat(dates)]
        assert np.is_busday(known).all()
        assert len(known) > 100


@pytest.mark.parametrize(
    ("code", "section"), [("01110", "A"), ("09900", "B"), ("33200", "C"), ("78200", "N"), ("99999", "U"), ("", "")]
)
def test_sections_follow_the_divisions_of_sic_2007(code, section):
    assert section_of(code) == section


def test_balance_sheets_balance_before_and_after_a_restatement(accounts):
    for values in (accounts.values, accounts.restated_values):
        owed = values["current_liabilities"] + values["long_term_liabilities"] + values["shareholders_funds"]
        assert (values["total_assets"] == owed).all()
        full = ~np.isnan(values["stock"] + values["trade_debtors"] + values["other_debtors"] + values["cash"])
        parts = values["stock"] + values["trade_debtors"] + values["other_debtors"] + values["cash"]
        assert (parts[full] == values["current_assets"][full]).all()
    restated = ~np.isnat(accounts.restated)
    assert restated.any()
    assert (accounts.values["total_assets"] != accounts.restated_values["total_assets"]).tolist() == restated.tolist()


def test_accounts_come_after_birth_and_before_dissolution_and_are_public_after_their_end(companies, accounts):
    assert (accounts.end > companies.incorporation[accounts.company]).all()
    assert (accounts.visible > accounts.end).all()
    assert (accounts.visible < UNTIL).all()
    assert not (accounts.visible >= companies.dissolution[accounts.company]).any()
    keys = set(zip(accounts.company.tolist(), accounts.end.astype(str).tolist(), strict=True))
    assert len(keys) == len(accounts)


def test_most_accounts_are_filed_by_the_deadline_some_late_and_some_after_the_next_ones(accounts):
    dated = ~np.isnat(accounts.filed)
    assert 0.005 < (~dated).mean() < 0.03
    assert (accounts.visible[~dated] >= add_months(accounts.end[~dated], 9)).all()
    late = accounts.filed[dated] > add_months(accounts.end[dated], 9)
    assert 0.05 < late.mean() < 0.25
    order = np.lexsort((accounts.end, accounts.company))
    same = np.diff(accounts.company[order]) == 0
    backwards = np.diff(accounts.visible[order]).astype(int) < 0
    assert (same & backwards).any()
    gaps = np.diff(accounts.end[order].astype("datetime64[M]")).astype(int)[same]
    assert (gaps == 12).mean() > 0.9
    assert set(range(6, 19)) <= set(gaps.tolist())


def test_small_accounts_show_little_and_large_ones_everything(accounts):
    turnover = ~np.isnan(accounts.values["turnover"])
    kind = accounts.accounts_type
    assert turnover[np.isin(kind, ["FUL", "GRP", "MED"])].all()
    assert turnover[kind == "MIC"].mean() < 0.15
    assert not np.isnan(accounts.values["total_assets"]).any()


def test_every_size_band_occurs(accounts):
    size = np.where(np.isnan(accounts.values["turnover"]), accounts.values["total_assets"], accounts.values["turnover"])
    assert np.histogram(size, [0, 1e5, 1e6, 1e7, 5e7, np.inf])[0].min() > 10


def test_books_resemble_those_of_the_year_before(panel):
    both = panel.values["turnover"][:, :-1].ravel() > 0
    for name in ("turnover", "trade_debtors", "cash"):
        before, after = (np.log1p(panel.values[name][:, part].ravel()[both]) for part in (slice(-1), slice(1, None)))
        assert 0.6 < np.corrcoef(before, after)[0, 1] < 0.999, name


def test_ratios_follow_from_the_accounts(accounts):
    computed = ratios(accounts.values, draw_particulars(np.random.default_rng(1), accounts))
    values = accounts.values
    shown = ~np.isnan(computed["debtor_days"])
    assert shown.sum() > 50
    expected = values["trade_debtors"][shown] / values["turnover"][shown] * 365
    assert computed["debtor_days"][shown] == pytest.approx(expected, abs=0.006)
    assert (computed["working_capital"] == values["current_assets"] - values["current_liabilities"]).all()
    assert np.isnan(computed["debtor_days"][np.isnan(values["turnover"])]).all()


def test_between_half_and_one_percent_of_companies_start_in_a_year(companies, take_up):
    starts = companies_years = 0
    for year in range(2018, 2026):
        first, last = np.datetime64(f"{year}-11-01"), np.datetime64(f"{year + 1}-11-01")
        starts += ((take_up.first_public >= first) & (take_up.first_public < last)).sum()
        companies_years += ((companies.incorporation < first) & ~(companies.dissolution < first)).sum()
    assert 0.005 < starts / companies_years < 0.01


def test_users_are_those_whose_public_accounts_speak_for_it(companies, panel, take_up):
    hazard = np.where(panel.exists, log_hazard(companies, panel), np.nan)
    filed = panel.exists.any(axis=1)
    level = np.nanmedian(hazard[filed], axis=1)
    becomes = ~np.isnat(take_up.first_public[filed])
    assert np.median(level[becomes]) > np.quantile(level[~becomes], 0.8)


def test_nobody_starts_before_birth_or_after_dissolution(companies, take_up):
    starts = ~np.isnat(take_up.first_public)
    assert (take_up.first_public[starts] >= companies.incorporation[starts]).all()
    assert not (take_up.first_public >= companies.dissolution).any()
    assert (take_up.first_public[starts] < UNTIL).all()
    assert (take_up.first_public[starts] < np.datetime64("2018-11-01")).any()


def test_the_first_certain_charge_is_the_start_wherever_its_dates_parse(charges, take_up):
    certain = charges.certainty == "certain"
    clean = (charges.created_text == "") & (charges.registered_text == "")
    dirty = set(charges.company[certain & ~clean].tolist())
    public = charges.public()
    for company in set(charges.company[certain & (public < UNTIL)].tolist()) - dirty:
        mine = certain & (charges.company == company)
        assert public[mine].min() == take_up.first_public[company]


def test_charge_numbers_count_a_companys_charges_in_the_order_they_became_public(charges):
    for company in np.unique(charges.company)[:200]:
        mine = np.flatnonzero(charges.company == company)
        assert sorted(charges.number[mine].tolist()) == list(range(1, len(mine) + 1))
        assert (np.diff(charges.visible[mine][np.argsort(charges.number[mine])]).astype(int) >= 0).all()


def test_charges_are_registered_some_days_after_creation(charges):
    lag = (charges.registered - charges.created).astype("timedelta64[D]").astype(float)[~np.isnat(charges.registered)]
    assert np.median(lag) == pytest.approx(6, abs=1)
    assert np.quantile(lag, 0.9) == pytest.approx(16, abs=5)
    assert lag.max() > 21
    assert 0.005 < np.isnat(charges.registered).mean() < 0.04


def test_about_a_fifth_of_new_invoice_finance_charges_is_a_change_of_provider(charges, take_up):
    recent = (
        (charges.certainty == "certain") & (charges.public() < UNTIL) & (charges.visible > np.datetime64("2019-01-01"))
    )
    events = set(zip(charges.company[recent].tolist(), charges.visible[recent].tolist(), strict=True))
    changes = [event for event in events if event[1] > take_up.first_public[event[0]].item()]
    assert 0.12 < len(changes) / len(events) < 0.27


def test_charges_that_must_not_count_are_planted(charges, take_up):
    certain = charges.certainty == "certain"
    undated = certain & np.isnat(charges.created) & np.isnat(charges.registered)
    future = certain & (charges.created > np.datetime64("2100-01-01"))
    for trap in (undated, future):
        assert trap.any()
        assert np.isnat(take_up.first_public[charges.company[trap]]).all()


def test_established_companies_are_as_old_as_the_history_and_the_others_stay_as_they_are(companies):
    def young(share: float) -> float:
        many = draw_companies(np.random.default_rng(1), SIZE, UNTIL, established=share)
        return ((UNTIL - many.incorporation).astype(int) < 9.9 * 365.25)[many.company_type == "PRI"].mean()

    usual = ((UNTIL - companies.incorporation).astype(int) < 9.9 * 365.25)[companies.company_type == "PRI"].mean()
    assert young(0.0) == usual
    assert young(0.6) == pytest.approx(0.4 * usual, abs=0.03)
    assert young(1.0) == 0
