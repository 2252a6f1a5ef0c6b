"""One archive to published Parquet: ours against the bare steps it is made of, and against pandas and polars.

    python -m benchmarks.landing [--megabytes 600] [--turns 5] [--only NAME ...] [--stored]

The text is the accounts of a sample delivery, repeated with other amounts until it is large enough, and clean, since
none of the others sets bad lines apart. The archive is compressed where the program `rar` is installed (which takes
minutes), else stored. Each contestant runs in a process of its own, in turns:

    bookdebts   archive test, unpacking, decoding, checks, line numbers, Parquet, SHA-256, renamed into place
    7zz         `7zz x -so` of the archive to nowhere
    duckdb      COPY (read_csv all_varchar) TO parquet, of the unpacked text
    pandas      7zz to a file, read_csv in chunks as text, a row group a chunk
    polars      7zz to a file, scan_csv as text, sink_parquet (skipped where polars is not installed)
"""

import argparse
import csv
import importlib
import importlib.util
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.archive import check_archive, find_tool, read_member
from ingestion.contract import read_contract
from ingestion.landing import Target, land
from ingestion.sample.deliveries import make_deliveries
from ingestion.sample.rar_writer import write_rar
from ingestion.text import TextFormat
from warehouse.storage import publish, sha256

FILE, MEMBER = "AC01", "AC01_M_20261001.txt"
AMOUNTS_FROM = 7  # the columns before are keys, dates and codes
MEGABYTE = 1_000_000
CHUNK_ROWS = 200_000


def _make_text(folder: Path, size: int) -> None:
    make_deliveries(folder / "sample")
    contract = read_contract()
    archive = next((folder / "sample").rglob(f"{FILE}_S_*.rar"))
    member = check_archive([archive], f"{archive.stem}.txt", archive.name)
    content = b"".join(read_member(member)).decode(contract.encoding, errors="ignore").replace("\r", "")
    header, *lines = content.split("\n")
    names = header.split(contract.delimiter)
    good = [line for line in lines if line.count(contract.delimiter) == len(names) - 1 and line.isascii()]
    small = folder / "small.txt"
    small.write_text("\n".join([header, *good]) + "\n")
    amounts = [
        name if place < AMOUNTS_FROM else f"cast(cast(round(try_cast({name} as bigint) * factor) as bigint) as varchar)"
        for place, name in enumerate(names)
    ]
    plain = f"delim = '{contract.delimiter}', header = true, all_varchar = true, quote = ''"
    duckdb.execute(f"create table small as from read_csv('{small}', {plain})")
    part = folder / "part.txt"
    with (folder / MEMBER).open("wb") as whole:
        whole.write(f"{header}\n".encode())
        while whole.tell() < size:
            duckdb.execute(
                f"copy (select {', '.join(amounts)} from (select *, 0.5 + random() as factor from small)) to '{part}' "
                f"(format csv, delimiter '{contract.delimiter}', header false, quote '')"
            )
            whole.write(part.read_bytes())
    shutil.rmtree(folder / "sample")


def _make_archive(folder: Path, *, stored: bool) -> str:
    archive = folder / "archive.rar"
    rar = None if stored else shutil.which("rar")
    if rar is None:
        write_rar(archive, [(MEMBER, folder / MEMBER)])
        return "stored"
    subprocess.run([rar, "a", "-m3", "-ep", "-idq", archive, folder / MEMBER], check=True)
    return "compressed"


def _ours(folder: Path) -> None:
    contract = read_contract()
    member = check_archive([folder / "archive.rar"], MEMBER, MEMBER)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    target = Target(MEMBER, MEMBER, datetime(2026, 10, 2), work / "out.parquet", work / "rejected.parquet")
    text_format = TextFormat(contract.encoding, contract.delimiter)
    landed = land(read_member(member), contract.tables[FILE], text_format, target)
    assert landed.rejected_lines == 0
    sha256(target.parquet)
    publish(target.parquet, folder / "published.parquet")


def _unpack(folder: Path, target: Path) -> None:
    with target.open("wb") as output:
        subprocess.run([*find_tool().extract, str(folder / "archive.rar"), MEMBER], stdout=output, check=True)


def _seven_zip(folder: Path) -> None:
    _unpack(folder, Path(os.devnull))


def _duckdb(folder: Path) -> None:
    delimiter = read_contract().delimiter
    duckdb.execute(
        f"copy (select * from read_csv('{folder / MEMBER}', all_varchar = true, delim = '{delimiter}', header = true, "
        f"quote = '')) to '{folder / 'out.parquet'}' (format parquet)"
    )


def _pandas(folder: Path) -> None:
    contract = read_contract()
    _unpack(folder, folder / "text.txt")
    chunks = importlib.import_module("pandas").read_csv(
        folder / "text.txt",
        sep=contract.delimiter,
        encoding=contract.encoding,
        dtype=str,
        quoting=csv.QUOTE_NONE,
        chunksize=CHUNK_ROWS,
    )
    writer = None
    for chunk in chunks:
        table = pa.Table.from_pandas(chunk, preserve_index=False)
        writer = writer or pq.ParquetWriter(folder / "out.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def _polars(folder: Path) -> None:
    _unpack(folder, folder / "text.txt")  # it reads UTF-8 only; this text is ASCII
    lines = importlib.import_module("polars").scan_csv(
        folder / "text.txt", separator=read_contract().delimiter, quote_char=None, infer_schema=False
    )
    lines.sink_parquet(folder / "out.parquet")


CONTESTANTS: dict[str, Callable[[Path], None]] = {
    "bookdebts": _ours,
    "7zz": _seven_zip,
    "duckdb": _duckdb,
    "pandas": _pandas,
    "polars": _polars,
}


def _make(folder: Path, megabytes: int, *, stored: bool) -> None:
    _make_text(folder, megabytes * MEGABYTE)
    print(_make_archive(folder, stored=stored))


def _contest(name: str, folder: Path) -> None:
    if importlib.util.find_spec(name) is not None:
        importlib.import_module(name)  # loading is not what is measured
    start = time.monotonic()
    CONTESTANTS[name](folder)
    seconds = time.monotonic() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures = {
        "seconds": seconds,
        "processor_seconds": sum(each.ru_utime + each.ru_stime for each in used),
        "peak_megabytes": sum(each.ru_maxrss for each in used) / 1024,
    }
    print(json.dumps(figures))


def _in_a_process(*arguments: str) -> str:
    # of its own, since the peak of a process begins with that of its parent
    command = [sys.executable, "-m", "benchmarks.landing", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _run(name: str, folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(_in_a_process("--contestant", name, "--folder", str(folder)))
    return found


def main() -> None:
    """Measure and print a table, a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--stored", action="store_true", help="a stored archive, also where rar is installed")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contestant", choices=[*CONTESTANTS, "make"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant == "make":
        _make(arguments.folder, arguments.megabytes, stored=arguments.stored)
        return
    if arguments.contestant:
        _contest(arguments.contestant, arguments.folder)
        return
    names = [name for name in arguments.only if name != "polars" or importlib.util.find_spec("polars")]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        folder = Path(work)
        making = ["--contestant", "make", "--folder", work, "--megabytes", str(arguments.megabytes)]
        made = _in_a_process(*making, *(["--stored"] if arguments.stored else []))
        kind, size = made.split()[-1], (folder / MEMBER).stat().st_size / MEGABYTE
        for _ in range(arguments.turns):
            for name in names:
                runs[name].append(_run(name, folder))
    print(f"{size:,.0f} MB of text, {kind} archive, medians of {arguments.turns} turns")
    found = {}
    for name in names:
        figures = {key: statistics.median(run[key] for run in runs[name]) for key in runs[name][0]}
        figures["megabytes_a_second"] = size / figures["seconds"]
        found[name] = {key: round(value, 1) for key, value in figures.items()}
        print(f"{name:<10} {found[name]}")
    if {"bookdebts", "7zz", "duckdb"} <= found.keys():
        slower = [
            max(seven["seconds"], duck["seconds"]) for seven, duck in zip(runs["7zz"], runs["duckdb"], strict=True)
        ]
        shares = [bare / ours["seconds"] for bare, ours in zip(slower, runs["bookdebts"], strict=True)]
        found["share_of_the_slower_bare_step"] = {"median": round(statistics.median(shares), 2)}
        print(f"ours against the slower bare step, turn by turn: {statistics.median(shares):.2f}")
    print(json.dumps({"megabytes": size, "archive": kind, "turns": arguments.turns} | found))


if __name__ == "__main__":
    main()
