"""The contract is what the dbt source definitions say, and a faulty one is refused by name."""

from pathlib import Path

import pytest
import yaml

from ingestion.contract import SOURCES_FILE, read_contract
from warehouse.errors import UserError


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SOURCES_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "sources.yml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_every_delivered_column_is_in_the_contract_and_none_that_landing_adds():
    sources = yaml.safe_load(SOURCES_FILE.read_text(encoding="utf-8"))["sources"]
    contract = read_contract()
    for node in sources[0]["tables"]:
        table = contract.tables[node["config"]["meta"]["file"]]
        names = [column["name"] for column in node["columns"]]
        assert [column.name for column in table.columns] == names[:-5]
        assert [name for name, _ in contract.landing_columns] == names[-5:]
        assert set(table.key) <= {column.name for column in table.columns if column.required}


def test_a_changed_definition_changes_the_contract(tmp_path):
    path = changed(tmp_path, "- name: website_flag", "- name: website_known")
    assert "website_known" in {column.name for column in read_contract(path).tables["CI01"].columns}


def test_a_column_may_have_another_name_in_the_header(tmp_path):
    path = changed(
        tmp_path,
        "            data_type: boolean\n",
        "            data_type: boolean\n            config: {meta: {delivered_as: WEB FLAG}}\n",
    )
    columns = {column.name: column for column in read_contract(path).tables["CI01"].columns}
    assert columns["website_flag"].header_name == "web flag"
    assert columns["directors_count"].header_name == "directors_count"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("data_type: boolean", "data_type: money", r"gives ci01.website_flag the data_type 'money'"),
        ("data_type: boolean", "data_typ: boolean", r"gives ci01.website_flag the data_type ''"),
        ("encoding: windows-1252", "encoding: windows-9", "the encoding 'windows-9', which is unknown"),
        ("delimiter:", "separator:", "'delimiter' is missing"),
        ("sources:", "sources: [", "is not valid YAML"),
    ],
)
def test_a_faulty_definition_is_refused_by_name(tmp_path, old, new, sentence):
    with pytest.raises(UserError, match=sentence):
        read_contract(changed(tmp_path, old, new))


def test_an_absent_definition_is_refused(tmp_path):
    with pytest.raises(UserError, match="the delivery contract cannot be read"):
        read_contract(tmp_path / "absent.yml")
