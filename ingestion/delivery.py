"""Names of deliveries: which folder is which delivery, and which of its archives make which file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingestion.contract import Contract

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


@dataclass(frozen=True)
class Contents:
    """What is in a delivery's folder, held against the contract.

    Attributes:
        archives: Names of archives by file, in the contract's order; several names are volumes, in order.
        uploading: Names of files that are still being uploaded.
        unknown: Names that the contract does not know.
        missing: Names of archives that the contract expects.
        broken: What is wrong with volumes, as ends of a sentence.
    """

    archives: dict[str, Sequence[str]]
    uploading: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it is no whole delivery, as ends of a sentence that begins with its name; empty if it is one."""
        uploading = [f"is still being uploaded, it holds {', '.join(self.uploading)}; run again when it is complete"]
        faults = uploading if self.uploading else []
        if self.unknown:
            faults.append(
                f"holds the unknown {_files(self.unknown)} {', '.join(map(repr, self.unknown))}; "
                "ask the vendor to remove it, or add it to the contract in the dbt source definitions"
            )
        if self.missing:
            faults.append(
                f"lacks the {_files(self.missing)} {', '.join(self.missing)}; "
                "ask the vendor to deliver it, then run again"
            )
        return (*faults, *self.broken)


def _files(names: Sequence[str]) -> str:
    return "file" if len(names) == 1 else "files"


def _broken_volumes(archives: Mapping[int, str]) -> str | None:
    """Say what is wrong with an archive that is neither whole nor has volumes 1, 2, 3 ... without a gap."""
    numbers = sorted(archives)
    if numbers == [0]:
        return None
    if numbers[0] == 0:
        return (
            f"has both {archives[0]} and {archives[numbers[1]]}; ask the vendor which one holds and to remove the other"
        )
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            return (
                f"has {archives[number]} but not volume {expected} of that archive; ask the vendor to deliver it again"
            )
    return None


def inspect_contents(contract: Contract, delivery: Delivery, names: Iterable[str]) -> Contents:
    """Assign the archives in a delivery's folder to the files of the contract, and find what is wrong.

    Args:
        contract: Files and names to expect.
        delivery: The delivery.
        names: Names of everything in its folder.
    """
    expected = {_named(contract.archive, delivery, file): file for file in contract.tables}
    found: dict[str, dict[int, str]] = {}
    uploading, unknown = [], []
    for name in sorted(names):
        if name.endswith(contract.upload_in_progress_suffix):
            uploading.append(name)
            continue
        part = PART_PATTERN.search(name)
        file = expected.get(PART_PATTERN.sub("", name))
        number = int(part[1]) if part else 0
        if file is None or number in found.get(file, {}) or (part and number == 0):
            unknown.append(name)
        else:
            found.setdefault(file, {})[number] = name
    broken = [fault for file in expected.values() if file in found and (fault := _broken_volumes(found[file]))]
    return Contents(
        archives={file: [name for _, name in sorted(found[file].items())] for file in contract.tables if file in found},
        uploading=tuple(uploading),
        unknown=tuple(unknown),
        missing=tuple(archive for archive, file in expected.items() if file not in found),
        broken=tuple(broken),
    )
