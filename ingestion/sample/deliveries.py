"""Sample deliveries in the vendor's shape: folders of archives, and beside them a manifest of what was planted."""

import contextlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from ingestion.contract import read_contract
from ingestion.sample.blocks import FileKey, Layout, Plan, write_block, write_lookups
from ingestion.sample.identity import identity_of
from ingestion.sample.lines import NEWLINE, Lines, header
from ingestion.sample.processes import in_order, processes_for
from ingestion.sample.rar_writer import StoredMember, growing_rar
from ingestion.sample.settings import SampleSettings
from ingestion.sample.truth import Truth
from warehouse.errors import UserError
from warehouse.storage import exclusive, publish

__all__ = ["SampleSettings", "make_deliveries", "settings_there"]

DELIVERIES, MANIFEST, UNFINISHED, LOCK = "deliveries", "manifest.json", ".unfinished", ".lock"
DEFAULT_SETTINGS = SampleSettings()
BLOCK_COMPANIES = 10_000
WITHOUT_LAST_NEWLINE_EVERY = 4


def _unheard(_: int) -> None:
    """Take a number of companies that nobody asked for."""


class _File:
    """One file of one delivery on its way into its archive; what may be its last newline is held back."""

    def __init__(self, plan: Plan, layout: Layout, member: StoredMember) -> None:
        self._member = member
        self._end = b""
        self.counts = Counter(lines=1, bare_newline=int(layout.only_bare))
        names = {column.name: column.header_name for column in layout.table.columns}
        self._write(header([names[name] for name in layout.order], plan.contract, layout.only_bare))

    def _write(self, data: bytes) -> None:
        if data:
            self._member.write(self._end)
            self._member.write(memoryview(data)[: -len(NEWLINE)])
            self._end = data[-len(NEWLINE) :]

    def append(self, lines: Lines) -> None:
        self._write(lines.data)
        self.counts.update(lines.counts)

    def finish(self, has_last_newline: bool) -> int:
        """Write the end and return the bytes of the text."""
        if not has_last_newline:
            self.counts["bare_newline"] -= self._end != NEWLINE
            self.counts["no_newline_at_end"] = 1
            self._end = self._end[: -len(NEWLINE)] if self._end == NEWLINE else self._end[:-1]
        self._member.write(self._end)
        return self._member.size


def _manifest(root: Path) -> dict[str, Any]:
    """Read what is said of the sample that is there, nothing where there is none."""
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _is_complete(root: Path, identity: dict[str, Any]) -> bool:
    manifest = _manifest(root)
    if any(manifest.get(name) != value for name, value in identity.items()):
        return False
    archives = {
        root / DELIVERIES / folder / file["archive"]: file["archive_bytes"]
        for folder, files in manifest["deliveries"].items()
        for file in files.values()
    }
    return all(path.is_file() and path.stat().st_size == size for path, size in archives.items())


def _describe(archive: Path, text_bytes: int, counts: Counter[str]) -> dict[str, Any]:
    return {
        "archive": archive.name,
        "archive_bytes": archive.stat().st_size,
        "text_bytes": text_bytes,
        "counts": {kind: count for kind, count in sorted(counts.items()) if count},
    }


def _generate(plan: Plan, unfinished: Path, processes: int, written: Callable[[int], None]) -> dict[str, Any]:
    """Write all archives below the unfinished folder, block after block, and return what the manifest says of them."""
    contract, truth = plan.contract, Truth()
    archives: dict[FileKey, Path] = {}
    files: dict[FileKey, _File] = {}
    text_bytes: dict[FileKey, int] = {}
    with contextlib.ExitStack() as stack:
        for (place, name), layout in plan.layouts.items():
            delivery = layout.delivery
            archive = unfinished / DELIVERIES / delivery.folder(contract) / delivery.archive(contract, name)
            archive.parent.mkdir(parents=True, exist_ok=True)
            member = stack.enter_context(growing_rar(archive, delivery.member(contract, name)))
            archives[place, name], files[place, name] = archive, _File(plan, layout, member)
        blocks = stack.enter_context(contextlib.closing(in_order(partial(write_block, plan), plan.blocks, processes)))
        for number, block in enumerate(blocks, 1):
            truth.merge(block.truth)
            for key, lines in block.lines.items():
                files[key].append(lines)
            written(min(number * plan.block_companies, plan.settings.companies))
        for key, lines in write_lookups(plan):
            files[key].append(lines)
        for position, (key, file) in enumerate(files.items()):
            text_bytes[key] = file.finish(has_last_newline=position % WITHOUT_LAST_NEWLINE_EVERY != 0)
    described: dict[str, dict[str, Any]] = {}
    for key, archive in archives.items():
        described.setdefault(archive.parent.name, {})[key[1]] = _describe(archive, text_bytes[key], files[key].counts)
    horizon = str(plan.deliveries[-1].until)
    return {"horizon_date": horizon, "deliveries": described, "truth": truth.as_json()}


def settings_there(root: Path) -> SampleSettings | None:
    """Read the settings of the sample below a folder, or None where there is none.

    Args:
        root: Folder of the sample.
    """
    settings = _manifest(root).get("settings")
    known = {field.name for field in fields(SampleSettings)}
    return SampleSettings(**settings) if isinstance(settings, dict) and settings.keys() <= known else None


def make_deliveries(
    root: Path,
    settings: SampleSettings = DEFAULT_SETTINGS,
    processes: int | None = None,
    written: Callable[[int], None] = _unheard,
) -> bool:
    """Make the sample deliveries below a folder, unless the same ones are there complete.

    The deliveries lie in `root/deliveries`, one folder each, as on the vendor's server. `root/manifest.json` comes
    last: for each file its lines, rows that should land (`rows`), `rejected` and `blank` lines and the pieces of each
    kind of dirt, and the truth that was planted. Killed at any point, the next call starts afresh.

    Args:
        root: Folder of the sample, created when absent. Only what an earlier call made there is ever replaced.
        settings: What to make.
        processes: How many share the work; None for as many as are worth it here. The bytes are the same.
        written: Called now and then with the number of companies written so far.

    Returns:
        Whether anything was written.

    Raises:
        UserError: When `root/deliveries` is there but is no sample, another process is making one, or one of the
            processes ended before its work was done.
        OSError: When there is no room or no right to write; nothing half made stays.
    """
    contract = read_contract()
    identity = identity_of(settings, contract)
    if _is_complete(root, identity):
        return False
    final, unfinished = root / DELIVERIES, root / UNFINISHED
    with exclusive(root / LOCK, "generation of sample deliveries"):
        if _is_complete(root, identity):  # made while this process came here
            return False
        is_ours = (root / MANIFEST).exists() or (unfinished / MANIFEST).exists()
        if final.exists() and not is_ours:
            raise UserError(
                f"{final} was not made as a sample and would be replaced; name another folder for the sample"
            )
        if not (root / MANIFEST).exists() and final.exists():
            shutil.rmtree(final)
        if unfinished.exists():
            shutil.rmtree(unfinished)
        plan = Plan(settings, contract, BLOCK_COMPANIES)
        try:
            unfinished.mkdir()
            manifest = identity | _generate(plan, unfinished, processes or processes_for(plan.blocks), written)
            with (unfinished / MANIFEST).open("w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=1, ensure_ascii=False)
                file.write("\n")
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        (root / MANIFEST).unlink(missing_ok=True)
        if final.exists():
            shutil.rmtree(final)
        (unfinished / DELIVERIES).rename(final)
        publish(unfinished / MANIFEST, root / MANIFEST)
        shutil.rmtree(unfinished)
    return True
