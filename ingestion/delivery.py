"""Names of deliveries: which folder is which delivery, and which of its archives make which file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingestion.contract import Contract
from warehouse.errors import UserError

STOCK, MONTHLY = "S", "M"
PART_PATTERN = re.compile(r"\.part(\d+)(?=\.rar$)")


@dataclass(frozen=True)
class Delivery:
    """One delivery.

    Attributes:
        name: Name of its folder, such as `UKLTD_M_20261001`.
        kind: `S` for a stock, `M` for a monthly delivery.
        month: Its snapshot month, `YYYY-MM`.
    """

    name: str
    kind: str
    month: str

    @property
    def order(self) -> tuple[str, bool]:
        """Key that sorts deliveries oldest first, and a stock before the monthly delivery of the same month."""
        return self.month, self.kind == MONTHLY

    @property
    def stamp(self) -> str:
        """Its month as names of files have it, `YYYYMM`."""
        return self.month.replace("-", "")


def parse_delivery(contract: Contract, folder: str) -> Delivery | None:
    """Read the name of a folder; None if it is no delivery's."""
    for kind, template in ((STOCK, contract.stock_folder), (MONTHLY, contract.monthly_folder)):
        pattern = re.escape(template).replace(re.escape("{YYYYMM}"), r"(\d{4})(0[1-9]|1[0-2])")
        if found := re.fullmatch(pattern, folder, re.ASCII):
            return Delivery(folder, kind, f"{found[1]}-{found[2]}")
    return None


def _named(template: str, delivery: Delivery, file: str) -> str:
    return template.replace("{FILE}", file).replace("{KIND}", delivery.kind).replace("{YYYYMM}", delivery.stamp)


def member_name(contract: Contract, delivery: Delivery, file: str) -> str:
    """Name of the text of a file of a delivery, such as `CI01_M_20261001.txt`."""
    return _named(contract.member, delivery, file)


def _check_volumes(delivery: Delivery, archives: Mapping[int, str]) -> None:
    """Check that an archive is either whole or has volumes 1, 2, 3 ... without a gap."""
    numbers = sorted(archives)
    first = archives[numbers[0]]
    if numbers == [0]:
        return
    if numbers[0] == 0:
        raise UserError(
            f"{delivery.name} has both {first} and {archives[numbers[1]]}; "
            "ask the vendor which one holds and to remove the other"
        )
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            raise UserError(
                f"{delivery.name} has {archives[number]} but not volume {expected} of that archive; "
                "ask the vendor to deliver it again"
            )


def archives_by_file(contract: Contract, delivery: Delivery, names: Iterable[str]) -> dict[str, Sequence[str]]:
    """Assign the archives in a delivery's folder to the files of the contract.

    Args:
        contract: Files and names to expect.
        delivery: The delivery.
        names: Names of everything in its folder.

    Returns:
        Archive names by file, in the contract's order; several names are volumes, in order.

    Raises:
        UserError: When an upload is in progress, or a file is unknown, missing, or lacks a volume.
    """
    expected = {_named(contract.archive, delivery, file): file for file in contract.tables}
    found: dict[str, dict[int, str]] = {}
    for name in sorted(names):
        if name.endswith(contract.upload_in_progress_suffix):
            raise UserError(f"{delivery.name} is still being uploaded, it holds {name}; run again when it is complete")
        part = PART_PATTERN.search(name)
        file = expected.get(PART_PATTERN.sub("", name))
        if file is None:
            raise UserError(
                f"{delivery.name} holds the unknown file {name!r}; "
                "ask the vendor to remove it, or add it to the contract in the dbt source definitions"
            )
        volumes = found.setdefault(file, {})
        number = int(part[1]) if part else 0
        if number in volumes or (part and number == 0):
            raise UserError(f"{delivery.name} holds the unknown file {name!r}; ask the vendor to remove it")
        volumes[number] = name
    missing = [archive for archive, file in expected.items() if file not in found]
    if missing:
        files = "file" if len(missing) == 1 else "files"
        raise UserError(
            f"{delivery.name} lacks the {files} {', '.join(missing)}; ask the vendor to deliver it, then run again"
        )
    for volumes in found.values():
        _check_volumes(delivery, volumes)
    return {file: [name for _, name in sorted(found[file].items())] for file in contract.tables}
