"""Rules of the registry: what follows from its events, and that they are only ever added."""

import datetime
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import registry_tables
from ml.registry import EVENTS, Event, Registry, Version
from ml.registry_tables import actor, archive, read_registry, record, register, rollback
from ml.tables import read_tables
from warehouse.errors import UserError
from warehouse.lake import Lake

DAY = datetime.date(2026, 10, 1)


def version(name: str, horizon_date: datetime.date = DAY, model_name: str = "recall") -> Version:
    return Version(
        score_month=f"{horizon_date:%Y-%m}",
        model_name=model_name,
        model_version=name,
        run_id=f"run of {name}",
        horizon_date=horizon_date,
        artefacts={},
        log_odds_sha256="",
        data_sha256="",
        training_rows=1,
        training_positives=1,
        rounds=1,
        procedure="{}",
    )


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def told(lake, *story: tuple[str, Version]) -> Registry:
    """A registry in which this happened, read back from its files."""
    held = read_registry(lake)
    for action, of in story:
        versions = {**held.versions, (of.model_name, of.model_version): of}
        held = record(lake, Registry(versions, held.events), action, of, run_id=of.run_id)
    return Registry(held.versions, read_registry(lake).events)


A, B, C = (version(name) for name in "abc")


def champion(held: Registry) -> str | None:
    event = held.champion("recall")
    return event and event.model_version


def test_the_latest_promotion_names_the_champion_of_its_model_only(lake):
    held = told(lake, ("register", A), ("register", B), ("promote", A), ("promote", B))
    assert champion(held) == "b"
    assert held.champion("precision") is None


def test_nothing_that_is_only_registered_is_champion(lake):
    assert champion(told(lake, ("register", A))) is None


def test_a_rollback_goes_one_champion_back_and_a_second_one_two(lake):
    held = told(lake, ("promote", A), ("promote", B), ("promote", C), ("rollback", B))
    assert champion(held) == "b"
    assert champion(told(lake, ("rollback", A))) == "a"


def test_what_was_rolled_back_may_be_promoted_again(lake):
    held = told(lake, ("promote", A), ("promote", B), ("rollback", A), ("promote", B))
    assert [event.model_version for event in held.champions("recall")] == ["a", "b"]


def test_an_archived_champion_gives_way_to_the_one_before(lake):
    held = told(lake, ("promote", A), ("promote", B), ("archive", B))
    assert champion(held) == "a"
    assert [held.status("recall", name) for name in "ab"] == ["champion", "archived"]


def test_a_rollback_without_an_earlier_champion_is_refused_and_writes_nothing(lake):
    held = told(lake, ("register", A), ("promote", A))
    with pytest.raises(UserError, match="no earlier champion of recall to go back to: a is the first champion"):
        rollback(lake, held, "recall", "", dry_run=False)
    with pytest.raises(UserError, match="nothing was promoted yet"):
        rollback(lake, held, "precision", "", dry_run=False)
    assert len(read_registry(lake).events) == 2


def test_the_champion_serves_and_not_the_latest_registered(lake):
    served = told(lake, ("register", A), ("promote", A), ("register", B)).served("recall", DAY)
    assert (served.version.model_version, served.is_champion, served.run_id) == ("a", True, "run of a")


def test_without_a_champion_the_latest_registered_serves_and_is_not_called_champion(lake):
    served = told(lake, ("register", A), ("register", B)).served("recall", DAY)
    assert (served.version.model_version, served.is_champion) == ("b", False)


def test_a_month_is_not_scored_by_what_learned_from_later_ones(lake):
    earlier, later = version("earlier", datetime.date(2026, 9, 1)), version("later", datetime.date(2026, 11, 1))
    held = told(lake, ("register", earlier), ("promote", earlier), ("register", later), ("promote", later))
    assert held.served("recall", DAY).version == earlier
    assert held.served("recall", datetime.date(2026, 11, 1)).version == later
    with pytest.raises(UserError, match=r"no recall model is registered .* known at 2026-08-01; run `make train`"):
        held.served("recall", datetime.date(2026, 8, 1))


def test_a_backfilled_registration_does_not_take_over_a_later_month(lake):
    backfilled = version("backfilled", datetime.date(2026, 8, 1))
    assert told(lake, ("register", A), ("register", backfilled)).served("recall", DAY).version == A


def test_archived_versions_serve_no_more(lake):
    held = told(lake, ("register", A), ("register", B), ("archive", B))
    assert held.served("recall", DAY).version == A
    with pytest.raises(UserError, match="is archived already"):
        archive(lake, held, "b", "", dry_run=False)


def test_the_same_run_is_registered_once_and_after_another_again(lake):
    held = register(lake, read_registry(lake), A, "1")
    held = register(lake, held, A, "1")
    assert len(held.events) == 1
    held = register(lake, held, A, "2")
    held = register(lake, held, B, "3")
    register(lake, held, A, "2")
    assert [event.run_id for event in read_registry(lake).events] == ["1", "2", "3", "2"]


def test_events_stay_in_order_when_the_clock_goes_back(lake, monkeypatch):
    held = told(lake, ("promote", A))
    ahead = replace(held.events[0], happened_at=datetime.datetime(2999, 1, 1), event_id="29990101T000000000000Z-0")
    held = record(lake, Registry(held.versions, [ahead]), "promote", B, run_id="")
    assert held.events[-1].happened_at == datetime.datetime(2999, 1, 1, 0, 0, 0, 1)
    assert champion(held) == "b"
    assert held.events[-1].event_id > ahead.event_id


def test_an_event_never_touches_the_file_of_another(lake):
    told(lake, ("promote", A))
    (first,) = lake.ml_table(EVENTS).glob("*/*")
    before = first.read_bytes()
    told(lake, ("promote", A), ("archive", A))
    assert first.read_bytes() == before
    assert len(list(lake.ml_table(EVENTS).glob("*/*"))) == 3


def test_an_event_tells_who_why_and_what_was_checked(lake, monkeypatch):
    monkeypatch.setenv("ML_ACTOR", "ana")
    gates = [{"name": "lift", "found": "1", "wanted": "1", "holds": True}]
    record(lake, read_registry(lake), "promote", A, run_id="1", why="better", gates=gates)
    (event,) = read_registry(lake).events
    assert (event.actor, event.why, json.loads(event.gates)) == ("ana", "better", gates)
    age = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - event.happened_at
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5)


def test_who_acts_is_the_user_of_the_machine_where_nobody_else_is_named(monkeypatch):
    monkeypatch.setenv("LOGNAME", "bert")
    assert actor({"ML_ACTOR": " "}) == "bert"

    def nameless():
        raise OSError("no username set in the environment")

    monkeypatch.setattr(registry_tables.getpass, "getuser", nameless)
    assert actor({}).startswith("user ")


def test_versions_are_found_by_the_beginning_of_their_name(lake):
    held = told(lake, ("register", version("abc1")), ("register", version("abd2")))
    assert held.find("abc").model_version == "abc1"
    with pytest.raises(UserError, match="ab could be any of recall abc1, recall abd2; write more of its digits"):
        held.find("ab")
    for unknown in ("", "x"):
        with pytest.raises(UserError, match="is registered; `python -m ml list` names the versions"):
            held.find(unknown)


def test_an_event_of_a_lost_version_says_how_to_mend_it(lake):
    told(lake, ("promote", A))
    with pytest.raises(UserError, match=r"ml\.ml_model_version lacks recall a, which ml\.ml_model_event names"):
        read_registry(lake).served("recall", DAY)


@pytest.mark.parametrize(
    ("table", "schema"),
    [("ml_model_version", registry_tables.VERSION_SCHEMA), ("ml_model_event", registry_tables.EVENT_SCHEMA)],
)
def test_what_is_written_has_the_columns_of_the_source_definitions(lake, table, schema):
    types = {"string": "varchar", "date32[day]": "date", "timestamp[us]": "timestamp", "int64": "bigint",
             "int32": "integer"}  # fmt: skip
    written = [("score_month", "varchar"), *((field.name, types[str(field.type)]) for field in schema)]
    assert list(read_tables(lake)[table].columns) == written


MONTHS = [datetime.date(2026, month, 1) for month in (9, 10, 11)]
STORIES = st.lists(st.tuples(st.sampled_from(["register", "promote", "rollback", "archive"]), st.integers(0, 5)))


@given(story=STORIES)
def test_whatever_happens_the_champion_is_the_last_promoted_that_was_neither_left_nor_archived(story):
    versions = {("recall", str(n)): version(str(n), MONTHS[n % 3]) for n in range(6)}
    held, expected, archived = Registry(versions, []), [], set()
    for number, (action, place) in enumerate(story):
        name = str(place)
        if action == "rollback":
            if len(expected) < 2:
                continue
            expected.pop()
            name = expected[-1]
        elif action == "archive":
            archived.add(name)
            expected = [kept for kept in expected if kept != name]
            expected = [kept for kept, before in zip(expected, [None, *expected], strict=False) if kept != before]
        elif action == "promote":
            if name in archived or expected[-1:] == [name]:
                continue
            expected.append(name)
        event = Event("", f"{number:04}", datetime.datetime(2026, 1, 1), action, "recall", name, "", "", "", "[]")
        held = Registry(versions, [*held.events, event])
        assert [event.model_version for event in held.champions("recall")] == expected
    for month in MONTHS:
        known = [name for name in expected if versions["recall", name].horizon_date <= month]
        registered = {event.model_version for event in held.registered("recall")
                      if versions["recall", event.model_version].horizon_date <= month}  # fmt: skip
        if known or registered:
            served = held.served("recall", month)
            assert served.is_champion is bool(known)
            assert served.version.model_version in (known[-1:] if known else registered - archived)
