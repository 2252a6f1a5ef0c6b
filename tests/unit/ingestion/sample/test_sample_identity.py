import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.contract import read_contract
from ingestion.sample.identity import PACKAGE, generator_digest, identity_of
from ingestion.sample.settings import SampleSettings


@pytest.fixture
def generator(tmp_path) -> Path:
    return shutil.copytree(PACKAGE, tmp_path / "sample", ignore=shutil.ignore_patterns("__pycache__"))


def test_a_copy_of_the_generator_has_its_digest_whatever_python_compiled(generator):
    (generator / "__pycache__").mkdir()
    (generator / "__pycache__" / "take_up.cpython-311.pyc").write_bytes(b"compiled")
    assert generator_digest(generator) == generator_digest(PACKAGE)


@pytest.mark.parametrize("file", ["take_up.py", "data/chargeholders.csv"])
def test_any_changed_added_or_renamed_file_changes_the_digest(generator, file):
    path, digests = generator / file, [generator_digest(generator)]
    path.write_bytes(path.read_bytes() + b"#")
    digests.append(generator_digest(generator))
    path.rename(path.with_stem("renamed"))
    digests.append(generator_digest(generator))
    path.write_bytes(b"")
    digests.append(generator_digest(generator))
    assert len(set(digests)) == 4


def test_settings_and_contract_are_part_of_the_identity():
    settings, contract = SampleSettings(), read_contract()
    identities = [
        identity_of(settings, contract),
        identity_of(replace(settings, seed=1), contract),
        identity_of(settings, replace(contract, encoding="utf-8")),
    ]
    assert len({str(identity) for identity in identities}) == 3
    assert identities[0] == identity_of(SampleSettings(), read_contract())
