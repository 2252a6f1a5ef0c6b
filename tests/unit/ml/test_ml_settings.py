"""Rules of the settings file."""

import pytest
import yaml
from pydantic import ValidationError

from ml.settings import SETTINGS_FILE, read_settings
from warehouse.errors import UserError


def test_settings_are_frozen():
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.seed = 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sead": 1}, "sead: extra inputs are not permitted"),
        ({"learned_rows": 999}, "learned_rows: input should be greater than or equal to 1000"),
        ({"company_folds": 0}, "company_folds: input should be greater than or equal to 1"),
        ({"models": {}}, "models.precision: field required"),
        ({"scoring_memory": "much"}, "scoring_memory: string should match pattern"),
        ({"drift_warning": 0.3}, "drift_warning 0.3 is above drift_alarm 0.25"),
        ({"nthread": "many"}, "nthread: input should be a valid integer"),
        ({"confidential_share": {"low": 0.3, "high": 0.1}}, "confidential_share: .*low 0.3 is above high 0.1"),
        (
            {"slices": {"columns": ["age"], "bands": {"age": [5, 2]}, "minimum_positives": 1}},
            "slices: .*the bounds of age do not ascend",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(tmp_path, change, complaint):
    file = tmp_path / "settings.yml"
    file.write_text(yaml.safe_dump(yaml.safe_load(SETTINGS_FILE.read_text()) | change))
    with pytest.raises(UserError, match=complaint) as raised:
        read_settings(file)
    assert "\n" not in str(raised.value)


def test_more_rounds_at_least_than_at_most_are_refused(tmp_path):
    content = yaml.safe_load(SETTINGS_FILE.read_text())
    content["models"]["recall"] |= {"minimum_rounds": 700}
    (tmp_path / "settings.yml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"models\.recall: .*minimum_rounds 700 is above maximum_rounds 600"):
        read_settings(tmp_path / "settings.yml")


@pytest.mark.parametrize(("text", "complaint"), [("a: [", "is not valid YAML"), ("", "does not hold valid settings")])
def test_a_file_that_holds_no_settings_is_refused(tmp_path, text, complaint):
    (tmp_path / "settings.yml").write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_settings(tmp_path / "settings.yml")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.yml cannot be read"):
        read_settings(tmp_path / "nothing.yml")


def test_an_override_is_typed_by_the_setting_and_leaves_the_others_alone():
    usual = read_settings()
    changed = read_settings(overrides=["models.recall.scale_pos_weight=balanced", "top_rows=[5, 7]", "seed= 3"])
    assert (changed.top_rows, changed.seed) == ((5, 7), 3)
    assert changed == usual.model_copy(update={"top_rows": (5, 7), "seed": 3})
    assert read_settings() == usual


def test_the_last_of_two_overrides_counts():
    assert read_settings(overrides=["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed", "-o seed is not key=value"),
        ("=1", "-o =1 is not key=value"),
        ("model.precision.eta=1", "names a setting in model, which is no group of settings"),
        ("seed.eta=1", "names a setting in seed, which is no group of settings"),
        ("sead=1", "with -o sead=1 does not hold valid settings: sead: extra inputs are not permitted"),
        ("models.precision=1", "models.precision: input should be a valid dictionary"),
    ],
)
def test_an_override_that_cannot_be_is_named(text, complaint):
    with pytest.raises(UserError, match=complaint):
        read_settings(overrides=[text])
