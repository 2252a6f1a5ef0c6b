"""How far a run of dbt has come, read from the events that it fires."""

from typing import TYPE_CHECKING

from warehouse.progress import Bar

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg


class DbtProgress:
    """A callback for dbt's events that tells a bar which nodes are done; dbt calls it in any thread."""

    def __init__(self, bar: Bar) -> None:
        """Make a callback.

        Args:
            bar: What to tell; its words and total change with what dbt does.
        """
        self._bar = bar

    def take(self, event: "EventMsg") -> None:
        """Take an event."""
        match event.info.name:
            case "ConcurrencyLine":
                self._bar.turn_to("dbt: tables and tests", event.data.node_count)
            case "NodeStart":
                self._bar.note = event.data.node_info.node_name
            case "NodeFinished":
                self._bar.advance()
            case "LogHookStartLine":
                self._bar.note = "summing up"
            case "BuildingCatalog":
                self._bar.turn_to("dbt: reading the columns of all tables")
