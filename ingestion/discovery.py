"""What the vendor's server has, held against the lake: new, delivered again, landed, or not complete yet."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion.contract import Contract, delivered_columns
from ingestion.delivery import STOCK, Contents, Delivery, inspect_contents, parse_delivery
from ingestion.delivery_log import DeliveryLog, archives_of
from ingestion.sftp import RemoteFile, SftpServer
from warehouse.errors import UserError

# A file may still be written: its size and time have to stay for a while. How long ago it was changed says nothing of
# that, since the vendor's clock and ours need not agree.
SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Wanted:
    """Which deliveries a run is about.

    Attributes:
        month: Their month, `YYYY-MM`, or None for every month.
        only_stock: Whether monthly deliveries are left out.
    """

    month: str | None = None
    only_stock: bool = False

    def has(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is one of them."""
        return self.month in {None, delivery.month} and (delivery.kind == STOCK or not self.only_stock)

    def __str__(self) -> str:
        """In words, after «no delivery»."""
        stock = " that is a stock" if self.only_stock else ""
        return f"{stock} of MONTH={self.month}" if self.month else stock


@dataclass(frozen=True)
class Discovered:
    """A delivery on the server.

    Attributes:
        delivery: The delivery.
        remote: Everything in its folder.
        contents: The same, held against the contract.
        changing: Names of files whose size or time changed while they were looked at.
        log: Log of its landing, or None.
        reason: Why it has to be landed, or None if the lake has it as it is.
    """

    delivery: Delivery
    remote: Sequence[RemoteFile]
    contents: Contents
    changing: Sequence[str]
    log: DeliveryLog | None
    reason: str | None

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it cannot be landed as it is, as ends of a sentence that begins with its name."""
        changing = (
            f"is still being uploaded, {', '.join(self.changing)} changed meanwhile; run again when it is complete",
        )
        return (changing if self.changing else ()) + self.contents.faults

    def check(self) -> None:
        """Raise what keeps it from being landed.

        Raises:
            UserError: With the first of the faults.
        """
        if self.faults:
            more = f" (and {len(self.faults) - 1} more, see --dry-run)" if len(self.faults) > 1 else ""
            raise UserError(f"{self.delivery.name} {self.faults[0]}{more}")


def reason_to_land(log: DeliveryLog | None, remote: Sequence[RemoteFile], contract: Contract) -> str | None:
    """Tell why a delivery has to be landed; None if the lake has it as it is.

    Args:
        log: Log of its landing, or None.
        remote: What the server has of it.
        contract: What columns to land.
    """
    if log is None:
        return "new"
    if log.status == "publishing":
        return "its publication was interrupted"
    if {(file.name, file.size, file.modified) for file in remote} != archives_of(log.files):
        return "delivered again"
    for record in log.files:
        table = contract.tables.get(record.file)
        if table is not None and record.columns != delivered_columns(table):
            return "columns of the contract changed"
    return None


def _changed(before: Sequence[RemoteFile], after: Sequence[RemoteFile]) -> list[str]:
    return sorted({file.name for file in {*before} ^ {*after}})


def _settle() -> None:
    time.sleep(SETTLE_SECONDS)


def discover(
    server: SftpServer, contract: Contract, logs: Mapping[str, DeliveryLog], wanted: Wanted
) -> list[Discovered]:
    """List the deliveries on the server, oldest first, and compare each with the contract and with its log.

    A folder that has to be landed is listed twice, two seconds apart, to see whether it still changes.

    Args:
        server: The server, connected.
        contract: What a delivery looks like.
        logs: Logs of the landed deliveries by name.
        wanted: Which deliveries to look at.

    Raises:
        UserError: When there is none, or the connection is lost for good.
    """
    folders = [entry.name for entry in server.list_folder() if entry.is_folder]
    there = [delivery for folder in folders if (delivery := parse_delivery(contract, folder))]
    there.sort(key=lambda delivery: delivery.order)
    if not there:
        example = contract.monthly_folder.replace("{YYYYMM}", "YYYYMM")
        raise UserError(f"the SFTP server {server.name} has no delivery such as {example}; check SFTP_ROOT")
    chosen = [delivery for delivery in there if wanted.has(delivery)]
    if not chosen:
        names = ", ".join(delivery.name for delivery in there)
        raise UserError(
            f"the SFTP server {server.name} has no delivery{wanted}; "
            f"choose a month of what it has ({names}) or unset MONTH"
        )
    listed = {delivery.name: server.list_folder(delivery.name) for delivery in chosen}
    reasons = {name: reason_to_land(logs.get(name), remote, contract) for name, remote in listed.items()}
    unsettled = [name for name in listed if reasons[name]]
    if unsettled:
        _settle()
    changing = {name: _changed(listed[name], server.list_folder(name)) for name in unsettled}
    return [
        Discovered(
            delivery=delivery,
            remote=listed[delivery.name],
            contents=inspect_contents(contract, delivery, [file.name for file in listed[delivery.name]]),
            changing=changing.get(delivery.name, ()),
            log=logs.get(delivery.name),
            reason=reasons[delivery.name],
        )
        for delivery in chosen
    ]
