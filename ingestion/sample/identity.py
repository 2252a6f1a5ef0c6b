"""What makes two samples the same: settings, delivery contract and the generator itself."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingestion.contract import Contract
from ingestion.sample.settings import SampleSettings

PACKAGE = Path(__file__).parent
SOURCES = ("*.py", "data/*.csv")


def generator_digest(package: Path) -> str:
    """Hash names and contents of the source and data files of a generator.

    Args:
        package: Folder of the package.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in package.glob(pattern)):
        digest.update(f"{path.relative_to(package).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def identity_of(settings: SampleSettings, contract: Contract) -> dict[str, Any]:
    """Describe what decides on the bytes of a sample; samples of the same description are the same.

    Args:
        settings: What to make.
        contract: Shape of the deliveries.
    """
    columns = {
        file: [[c.name, c.header_name, c.type, c.lookup] for c in table.columns]
        for file, table in contract.tables.items()
    }
    shape = [columns, contract.monthly_folder, contract.stock_folder, contract.archive, contract.member]
    digest = hashlib.sha256(json.dumps([*shape, contract.delimiter, contract.encoding]).encode()).hexdigest()
    return {"generator": generator_digest(PACKAGE), "settings": asdict(settings), "contract": digest}
