"""Sample deliveries in the vendor's shape: folders of archives, and beside them a manifest of what was planted."""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.contract import Contract, Table, read_contract
from ingestion.sample.accounts import deliverable_accounts
from ingestion.sample.books import draw_panel
from ingestion.sample.borrowing import draw_borrowing
from ingestion.sample.charges import draw_charges
from ingestion.sample.companies import draw_companies
from ingestion.sample.dirt import add_rows, soil_values
from ingestion.sample.identity import identity_of
from ingestion.sample.lines import Lines, header, write_lines
from ingestion.sample.lookups import lookups
from ingestion.sample.rar_writer import write_rar
from ingestion.sample.ratios import draw_particulars
from ingestion.sample.rows import BLOCK_FILES, Block, Rows, lookup_rows
from ingestion.sample.schedule import Delivery, schedule
from ingestion.sample.settings import SampleSettings
from ingestion.sample.take_up import draw_take_up
from ingestion.sample.truth import Truth
from warehouse.errors import UserError
from warehouse.storage import exclusive, publish

__all__ = ["SampleSettings", "make_deliveries"]

DELIVERIES, MANIFEST, UNFINISHED, LOCK = "deliveries", "manifest.json", ".unfinished", ".lock"
DEFAULT_SETTINGS = SampleSettings()
BLOCK_COMPANIES = 10_000  # bounds memory
SHUFFLED_HEADERS = {("AC01", 1), ("CI01", 2)}  # file and place of the delivery in the schedule
ONLY_BARE_NEWLINES = {("LUDF01", 0), ("LULQ01", 2)}
WITHOUT_LAST_NEWLINE_EVERY = 4


@dataclass(frozen=True)
class _File:
    """One file of one delivery on its way into an archive."""

    delivery: Delivery
    table: Table
    order: tuple[str, ...]
    only_bare: bool
    text: Path
    counts: Counter[str]

    def append(self, lines: Lines) -> None:
        with self.text.open("ab") as text:
            text.write(lines.data)
        self.counts.update(lines.counts)


def _is_complete(root: Path, identity: dict[str, Any]) -> bool:
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    if any(manifest.get(name) != value for name, value in identity.items()):
        return False
    archives = {
        root / DELIVERIES / folder / file["archive"]: file["archive_bytes"]
        for folder, files in manifest["deliveries"].items()
        for file in files.values()
    }
    return all(path.is_file() and path.stat().st_size == size for path, size in archives.items())


def _draw_block(settings: SampleSettings, deliveries: tuple[Delivery, ...], block: int, blocks: int) -> Block:
    rng = np.random.default_rng([settings.seed, block])
    size = min(BLOCK_COMPANIES, settings.companies - block * BLOCK_COMPANIES)
    stock_until, until = deliveries[0].until, deliveries[-1].until
    companies = draw_companies(rng, size, until, block, blocks)
    panel = draw_panel(rng, companies, until)
    take_up = draw_take_up(rng, companies, panel, until)
    accounts = deliverable_accounts(rng, companies.company_type, panel, stock_until, until)
    log_turnover = np.log(np.maximum(np.median(panel.values["turnover"], axis=1), 1))
    borrowing = draw_borrowing(rng, companies, take_up, log_turnover, stock_until=stock_until, until=until)
    charges = draw_charges(rng, companies, borrowing)
    return Block(companies, accounts, draw_particulars(rng, accounts), charges)


def _open_files(
    settings: SampleSettings, contract: Contract, deliveries: tuple[Delivery, ...], texts: Path
) -> dict[tuple[int, str], _File]:
    files = {}
    for place, delivery in enumerate(deliveries):
        for position, (name, table) in enumerate(contract.tables.items()):
            order = [column.name for column in table.columns]
            if (name, place) in SHUFFLED_HEADERS:
                shuffled = np.random.default_rng([settings.seed, place, position]).permutation(len(order))
                order = [order[column] for column in shuffled.tolist()]
            only_bare = (name, place) in ONLY_BARE_NEWLINES
            counts = Counter(lines=1, bare_newline=int(only_bare))
            file = _File(delivery, table, tuple(order), only_bare, texts / delivery.member(contract, name), counts)
            header_names = {column.name: column.header_name for column in table.columns}
            file.text.write_bytes(header([header_names[name] for name in order], contract, only_bare))
            files[place, name] = file
    return files


def _append(rng: np.random.Generator, contract: Contract, file: _File, rows: Rows) -> None:
    known = {name: rows.columns[name] for name in file.order if name in rows.columns}
    written = write_lines(rng, contract, file.table, file.order, known, only_bare=file.only_bare)
    written.counts.update(rows.planted)
    file.append(written)


def _without_last_newline(file: _File) -> None:
    with file.text.open("rb+") as text:
        text.seek(-2, 2)
        end = text.read(2)
        text.seek(-len(end) if end == b"\r\n" else -1, 2)
        text.truncate()
    file.counts["bare_newline"] -= end != b"\r\n"
    file.counts["no_newline_at_end"] = 1


def _write_texts(
    settings: SampleSettings, contract: Contract, deliveries: tuple[Delivery, ...], texts: Path
) -> tuple[dict[tuple[int, str], _File], Truth]:
    """Write all texts, block of companies by block of companies."""
    files = _open_files(settings, contract, deliveries, texts)
    truth = Truth()
    blocks = -(-settings.companies // BLOCK_COMPANIES)
    positions = {name: position for position, name in enumerate(contract.tables)}
    for number in range(blocks):
        block = _draw_block(settings, deliveries, number, blocks)
        truth.add(block, deliveries[-1])
        for place, delivery in enumerate(deliveries):
            for name in sorted(BLOCK_FILES.keys() & contract.tables.keys()):
                rng = np.random.default_rng([settings.seed, number, place, positions[name]])
                file = files[place, name]
                rows = BLOCK_FILES[name](block, delivery)
                delivered = {column: rows.columns[column] for column in file.order if column in rows.columns}
                rows = soil_values(rng, file.table, Rows(delivered, rows.dirty, rows.planted))
                rows = add_rows(rng, file.table, rows, serial=f"{number % 100:02d}{place % 100:02d}")
                _append(rng, contract, file, rows)
    for (place, name), file in files.items():
        if name in lookups():
            rng = np.random.default_rng([settings.seed, blocks, place, positions[name]])
            _append(rng, contract, file, lookup_rows(name))
        if (place * len(positions) + positions[name]) % WITHOUT_LAST_NEWLINE_EVERY == 0:
            _without_last_newline(file)
    return files, truth


def _generate(settings: SampleSettings, contract: Contract, unfinished: Path) -> dict[str, Any]:
    """Write all archives below the unfinished folder and return what the manifest says of them."""
    texts = unfinished / "texts"
    texts.mkdir(parents=True)
    deliveries = schedule(settings.stock_month, settings.monthly_deliveries)
    files, truth = _write_texts(settings, contract, deliveries, texts)
    described: dict[str, dict[str, Any]] = {}
    for (_, name), file in files.items():
        folder = file.delivery.folder(contract)
        archive = unfinished / DELIVERIES / folder / file.delivery.archive(contract, name)
        archive.parent.mkdir(parents=True, exist_ok=True)
        write_rar(archive, [(file.text.name, file.text)])
        described.setdefault(folder, {})[name] = {
            "archive": archive.name,
            "archive_bytes": archive.stat().st_size,
            "text_bytes": file.text.stat().st_size,
            "counts": {kind: count for kind, count in sorted(file.counts.items()) if count},
        }
        file.text.unlink()
    horizon = str(deliveries[-1].until)
    return {"horizon_date": horizon, "deliveries": described, "truth": truth.as_json()}


def make_deliveries(root: Path, settings: SampleSettings = DEFAULT_SETTINGS) -> bool:
    """Make the sample deliveries below a folder, unless the same ones are there complete.

    The deliveries lie in `root/deliveries`, one folder each, as on the vendor's server. `root/manifest.json` comes
    last: for each file its lines, rows that should land (`rows`), `rejected` and `blank` lines and the pieces of each
    kind of dirt, and the truth that was planted. Killed at any point, the next call starts afresh.

    Args:
        root: Folder of the sample, created when absent. Only what an earlier call made there is ever replaced.
        settings: What to make.

    Returns:
        Whether anything was written.

    Raises:
        UserError: When `root/deliveries` is there but is no sample, or another process is making one.
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
        manifest = identity | _generate(settings, contract, unfinished)
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (root / MANIFEST).unlink(missing_ok=True)
        if final.exists():
            shutil.rmtree(final)
        (unfinished / DELIVERIES).rename(final)
        publish(unfinished / MANIFEST, root / MANIFEST)
        shutil.rmtree(unfinished)
    return True
