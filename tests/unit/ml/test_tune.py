"""The search for hyper-parameters: resumable, blind to the year that models are judged by, and only a proposal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.evaluate import headline_folds
from ml.features import read_features
from ml.frames import read_training
from ml.metrics import Estimate
from ml.settings import RangeSettings, read_settings
from ml.study import search
from ml.tune import Proposal, proposed_settings, tune_marts, tuning_folds, tuning_lines
from tests.unit.ml.synthetic import HORIZON, Planted, make_world, write_warehouse
from warehouse.engines.duckdb import connect
from warehouse.errors import UserError
from warehouse.settings import Settings as Environment

ROOT = Path(__file__).resolve().parents[3]
PRESENT = read_settings().models.precision
RANGES = read_settings().tuning.ranges
# a model of one tree of one split, and room to be better
POOR = ["minimum_rounds=5", "maximum_rounds=5", "max_depth=1", "eta=0.01", "colsample_bytree=0.12"]
SMALL = [
    "nthread=1", "bootstrap_samples=40", "company_folds=2", "test_windows=2", "tuning.trials=6",
    *(f"models.recall.{text}" for text in POOR),
]  # fmt: skip


def hill(booster):
    """Best at a depth of 4 and an eta of 0.1."""
    return -abs(booster.max_depth - 4) - abs(np.log(booster.eta / 0.1))


def searched(journal, trials, value_of=hill, seed=5):
    tried = []

    def noted(booster):
        value = value_of(booster)
        tried.append((booster, value))
        return value

    found = search(journal, PRESENT, RANGES, trials=trials, seed=seed, value_of=noted, say=lambda _: None)
    return found, tried


def test_the_search_begins_at_the_present_settings_and_finds_better_ones(tmp_path):
    (best, value), tried = searched(tmp_path / "a.journal", 25)
    assert tried[0] == (PRESENT, hill(PRESENT))
    assert len(tried) == 25
    assert value == max(value for _, value in tried) == hill(best)
    assert value > hill(PRESENT) + 1


def test_a_search_that_ends_and_goes_on_is_the_one_that_did_not(tmp_path):
    whole, tried = searched(tmp_path / "whole.journal", 14)
    _, first = searched(tmp_path / "parts.journal", 4)

    def killed(booster):
        if killed.left == 0:
            raise KeyboardInterrupt
        killed.left -= 1
        return hill(booster)

    killed.left = 3
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "parts.journal", 14, killed)
    resumed, last = searched(tmp_path / "parts.journal", 14)
    assert resumed == whole
    assert first == tried[:4]
    assert last == tried[7:]
    assert searched(tmp_path / "parts.journal", 14) == (whole, [])


@pytest.mark.parametrize("lost", [1, 20, 150])
def test_a_journal_whose_last_line_was_not_written_whole_is_gone_on_with(tmp_path, lost):
    whole, tried = searched(tmp_path / "whole.journal", 8)
    journal = tmp_path / "torn.journal"
    searched(journal, 5)
    journal.write_bytes(journal.read_bytes()[:-lost])
    resumed, last = searched(journal, 8)
    assert resumed == whole
    assert last[-3:] == tried[5:]
    assert len(last) in (3, 4)


def test_the_same_seed_tries_the_same_and_another_does_not(tmp_path):
    runs = [searched(tmp_path / f"{name}.journal", 5, seed=seed)[1] for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_settings_stay_when_nothing_is_better(tmp_path):
    (best, value), _ = searched(tmp_path / "a.journal", 6, lambda booster: float(booster == PRESENT))
    assert (best, value) == (PRESENT, 1.0)


def test_a_present_value_outside_the_range_is_tried_too(tmp_path):
    ranges = {"eta": RangeSettings(low=0.1, high=0.2, scale="log")}
    tried = []
    search(tmp_path / "a.journal", PRESENT, ranges, trials=3, seed=1, say=lambda _: None,
           value_of=lambda booster: tried.append(booster) or 0.0)  # fmt: skip
    assert tried[0] == PRESENT
    assert all(PRESENT.eta <= booster.eta <= 0.2 for booster in tried)
    assert {booster.model_copy(update={"eta": PRESENT.eta}) for booster in tried} == {PRESENT}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    path = tmp_path_factory.mktemp("marts") / "warehouse.duckdb"
    write_warehouse(path, make_world(Planted()))
    return path


@pytest.fixture(scope="module")
def frame(warehouse):
    with connect(warehouse) as connection:
        return read_training(connection, read_features(connection), 50_000)


def test_no_trial_sees_a_row_of_the_year_that_models_are_judged_by(frame):
    settings = read_settings(overrides=["test_windows=3", "company_folds=2"])
    kept = np.concatenate([fold.test for fold in headline_folds(frame, HORIZON, settings)])
    folds = tuning_folds(frame, HORIZON, settings)
    assert len(folds) == 4
    assert frame.observations.label[kept].sum() > 20
    for fold in folds:
        used = np.concatenate([fold.test, fold.part.fit, fold.part.slice, fold.part.refit])
        assert not np.intersect1d(used, kept).size


def test_without_an_earlier_year_there_is_nothing_to_tune_on(frame):
    with pytest.raises(UserError, match=r"no year to tune on .* test_windows is 1; .* set test_windows higher"):
        tuning_folds(frame, HORIZON, read_settings(overrides=["test_windows=1"]))


def test_a_poor_setting_is_found_out_and_a_better_one_proposed(warehouse, tmp_path):
    environment = Environment(tmp_path / "lake", warehouse, None)
    settings, output = read_settings(overrides=SMALL), tmp_path / "tuned.yml"
    lines = []
    (proposal,) = tune_marts(environment, settings, ["recall"], output, lines.append)
    assert proposal.is_made
    assert proposal.gain.low > 0
    assert "none of them of the year that the models are judged by" in lines[1]
    tuned = read_settings(output)
    assert tuned == proposed_settings(settings, [proposal])
    assert tuned.models.precision == settings.models.precision
    assert {name: getattr(tuned.models.recall, name) for name in proposal.changes} == proposal.changes
    assert "part of the gain is luck" in "\n".join(tuning_lines([proposal], output))
    with pytest.raises(UserError, match="is there already; name another file with --output"):
        tune_marts(environment, settings, ["recall"], output, lines.append)

    lines.clear()
    (again,) = tune_marts(environment, settings, ["recall"], tmp_path / "again.yml", lines.append)
    assert again == proposal
    assert any("6 trials are in" in line for line in lines)
    assert (tmp_path / "again.yml").read_bytes() == output.read_bytes()


def test_a_command_that_is_killed_is_resumed(warehouse, tmp_path):
    command = [sys.executable, "-m", "ml", "tune", "--model", "recall", "--output", str(tmp_path / "tuned.yml")]
    command += [part for text in SMALL for part in ("-o", text)]

    def run(lake, until=None):
        """Run the command to its end, or kill it once a line begins so; returns the trials that it tells of."""
        environment = os.environ | {"LAKE": str(tmp_path / lake), "WAREHOUSE": str(warehouse)}
        trials = []
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                trials += [line] if ", trial " in line else []
                if until and until in line:
                    process.kill()
        assert process.returncode == (-signal.SIGKILL if until else 0)
        return trials

    whole = run("whole")
    proposed = (tmp_path / "tuned.yml").read_bytes()
    (tmp_path / "tuned.yml").unlink()
    parts = run("parts", until="trial 3 of")
    rest = run("parts")
    # what was under way when it was killed may have been written before it could be told
    assert len(whole) - 1 <= len(parts) + len(rest) <= len(whole)
    assert whole[: len(parts)] == parts
    assert whole[-len(rest) :] == rest
    assert (tmp_path / "tuned.yml").read_bytes() == proposed


def test_a_gain_that_may_be_chance_is_not_proposed():
    settings = read_settings()
    chance = Proposal("recall", "roc_auc", 0.7, Estimate(0.01, -0.01, 0.03), {"eta": 0.1})
    assert proposed_settings(settings, [chance]) == settings
    assert tuning_lines([chance], "tuned.yml") == [
        "recall: roc auc 0.7000 by the present settings, 0.0100 (-0.0100 to 0.0300) more by the best; the interval "
        "reaches 0, so it may be chance and is not proposed",
        "  -o models.recall.eta=0.1",
        "Nothing is proposed, and nothing was changed.",
    ]


def test_an_aim_that_is_no_metric_and_an_absent_library_are_said(warehouse, tmp_path, monkeypatch):
    environment = Environment(tmp_path / "lake", warehouse, None)
    settings = read_settings(overrides=[*SMALL, "tuning.aims.recall=profit"])
    with pytest.raises(UserError, match=r"tuning\.aims\.recall: profit is no metric of these rows; there are"):
        tune_marts(environment, settings, ["recall"], tmp_path / "tuned.yml", lambda _: None)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match="`python -m ml tune` needs optuna; `make tune` installs it"):
        tune_marts(environment, settings, ["recall"], tmp_path / "tuned.yml", lambda _: None)
    assert not (tmp_path / "tuned.yml").exists()


def test_the_command_says_when_nothing_is_better(warehouse, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("WAREHOUSE", str(warehouse))
    monkeypatch.chdir(tmp_path)
    overrides = [part for text in [*SMALL, "tuning.trials=1"] for part in ("-o", text)]
    main(["tune", "--model", "recall", *overrides])
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("recall: nothing better than the present settings, roc auc 0.")
    assert out[1:] == ["Nothing is proposed, and nothing was changed."]
    assert not (tmp_path / "settings-tuned.yml").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{low: 0.2, high: 0.1, scale: log}", "low 0.2 is not below high 0.1"),
        ("{low: 0, high: 1, scale: log}", "a logarithmic range cannot begin at 0"),
        ("{low: 1.5, high: 3, scale: whole}", "a range of integers begins and ends at integers"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        read_settings(overrides=[f"tuning.ranges.eta={text}"])
