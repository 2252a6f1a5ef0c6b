"""What a command says while it works: lines for people, or one JSON object a line for machines."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]


@dataclass(frozen=True)
class Report:
    """Takes what there is to say.

    Attributes:
        log_format: `text` for lines as they are, `json` for objects with time, level, event, message and facts.
    """

    log_format: LogFormat = "text"

    def __call__(self, event: str, message: str, **facts: object) -> None:
        """Say that something was done.

        Args:
            event: What it is, one word that stays the same: for machines.
            message: The same for people, blanks in front included.
            facts: What the message tells, by name: for machines.
        """
        self._write(sys.stdout, "info", event, message, facts)

    def error(self, message: str) -> None:
        """Say why the command ends without success, on standard error."""
        self._write(sys.stderr, "error", "failed", message, {})

    def _write(self, out: TextIO, level: str, event: str, message: str, facts: Mapping[str, object]) -> None:
        if self.log_format == "json":
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"time": time, "level": level, "event": event, "message": message.strip(), **facts}
            print(json.dumps(line, default=str), file=out, flush=True)
        else:
            print(f"error: {message}" if level == "error" else message, file=out, flush=True)
