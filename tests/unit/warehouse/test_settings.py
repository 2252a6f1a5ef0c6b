import pytest

from warehouse.errors import UserError
from warehouse.settings import schema_name


def test_schemas_bear_their_plain_names_without_a_prefix():
    assert schema_name("marts", {}) == schema_name("marts", {"SCHEMA_PREFIX": ""}) == "marts"


def test_a_prefix_goes_before_every_schema():
    assert schema_name("raw", {"SCHEMA_PREFIX": "ana"}) == "ana_raw"


@pytest.mark.parametrize("prefix", ["Ana", "1st", "a b", "a;drop", "_", "ana_"])
def test_a_prefix_that_cannot_begin_a_name_is_refused(prefix):
    with pytest.raises(UserError, match="cannot begin a name"):
        schema_name("raw", {"SCHEMA_PREFIX": prefix})
