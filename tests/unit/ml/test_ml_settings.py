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
        ({"company_folds": 0}, "company_folds: input should be greater than or equal to 1"),
        ({"models": {}}, "models.precision: field required"),
        ({"scoring_memory": "much"}, "scoring_memory: string should match pattern"),
        ({"drift_warning": 0.3}, "drift_warning 0.3 is above drift_alarm 0.25"),
        ({"nthread": "many"}, "nthread: input should be a valid integer"),
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
