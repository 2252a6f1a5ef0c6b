"""Commands: `python -m ingestion ingest | sample | register | status | verify | prune`.

They end with status 0 when their work is done, 1 when it is not (one sentence says why), 2 when they were called
wrongly, and 130 after an interrupt.
"""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ingestion.contract import read_contract
from ingestion.delivery_log import SAMPLE, read_logs
from ingestion.discovery import Wanted, discover
from ingestion.ingest import ingest, register
from ingestion.overview import discovered_lines, landed_lines
from ingestion.pruning import prune
from ingestion.reporting import Report, drawing, working
from ingestion.sample.server import serve
from ingestion.sample.settings import SampleSettings, companies_of, read_sample_settings, share_of
from ingestion.settings import SftpSettings, read_sftp_settings
from ingestion.sftp import SftpServer
from ingestion.verification import verify
from warehouse.errors import run_command
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.settings import MONTH_PATTERN, read_settings
from warehouse.terminal import be_quiet

Command = Callable[[argparse.Namespace, Report], None]
Value = TypeVar("Value")


def _make_sample(report: Report, asked: SampleSettings | None) -> Path:
    """Make the sample deliveries if they are not there, and return the folder that a server of them shows.

    Without settings they are those of the sample that is there, and by default where there is none.
    """
    # Only a run without a server needs the generator and what it imports.
    from ingestion.sample.deliveries import DELIVERIES, make_deliveries, settings_there  # noqa: PLC0415

    folder = Path(os.environ.get("SAMPLE_DELIVERIES", "") or "sample_deliveries").expanduser().resolve()
    settings = asked or settings_there(folder) or SampleSettings()
    with drawing(report, settings.companies) as written:
        is_made = make_deliveries(folder, settings, written=written)
    made = "made" if is_made else "there are already"
    report("sample", f"{made} deliveries of {settings.companies:,} companies in {folder}", companies=settings.companies)
    return folder / DELIVERIES


def _sample(arguments: argparse.Namespace, report: Report) -> None:
    given = {name: getattr(arguments, name) for name in ("companies", "established")}
    given = {name: value for name, value in given.items() if value is not None}
    if given or read_sftp_settings() is None:
        _make_sample(report, replace(read_sample_settings() or SampleSettings(), **given))
    else:
        report("sample", "no sample is needed: SFTP_HOST is set")


@contextlib.contextmanager
def _server_settings(report: Report) -> Iterator[tuple[SftpSettings, str]]:
    """Read which server to use and what the logs call it.

    Without one, serve the sample deliveries for the time of a `with` block.
    """
    settings = read_sftp_settings()
    if settings is not None:
        yield settings, settings.origin
        return
    with serve(_make_sample(report, read_sample_settings())) as address:
        sample = SftpSettings(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            key_file=None,
            host_key=address.host_key,
            known_hosts=None,
            root="/",
        )
        yield sample, SAMPLE


def _ingest(arguments: argparse.Namespace, report: Report) -> None:
    settings, contract = read_settings(), read_contract()
    if arguments.all_new:
        settings = replace(settings, month=None)
    elif arguments.month is not None:
        settings = replace(settings, month=arguments.month)
    wanted = Wanted(settings.month, arguments.stock)
    with _server_settings(report) as (sftp, origin), SftpServer(sftp) as server:
        if arguments.dry_run:
            logs = {log.delivery: log for log in read_logs(Lake(settings.lake))}
            for line in discovered_lines(discover(server, contract, logs, wanted)):
                report.told("discovered", line)
        else:
            ingest(
                settings, contract, server, origin=origin, wanted=wanted, report=report, keeps_texts=arguments.keep_text
            )


def _register(_: argparse.Namespace, report: Report) -> None:
    with working(report, "registering the raw tables"):
        registered = register(read_settings(), read_contract())
    report("registered", registered)


def _status(_: argparse.Namespace, report: Report) -> None:
    logs = read_logs(Lake(read_settings().lake))
    if report.log_format == "json":
        for log in logs:
            report.told("landed", log.delivery, **log.model_dump(mode="json"))
        return
    for line in landed_lines(logs):
        report.told("landed", line)


def _verify(_: argparse.Namespace, report: Report) -> None:
    lake = Lake(read_settings().lake)
    with alone(lake, "ingestion", "ingestion"):
        verify(lake, read_logs(lake), report)


def _prune(arguments: argparse.Namespace, report: Report) -> None:
    lake = Lake(read_settings().lake)
    with alone(lake, "ingestion", "ingestion"):
        prune(
            lake,
            read_logs(lake),
            report,
            keep_months=arguments.keep_months,
            has_archives=arguments.raw,
            is_dry=arguments.dry_run,
        )


def _month(text: str) -> str:
    if not MONTH_PATTERN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} is not a month; write it as YYYY-MM, for example 2026-10")
    return text


def _months(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number of months; write 1 or more")
    return int(text)


def _checked(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """Let argparse show what a reader of texts says of a wrong one."""

    def checked(text: str) -> Value:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingestion", description=__doc__)
    lines = argparse.ArgumentParser(add_help=False)
    lines.add_argument("--quiet", action="store_true", help="print only what was asked for and what is wrong")
    lines.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="lines for people, or a JSON object a line"
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[lines])
        added.set_defaults(run=command)
        return added

    landing = add(
        "ingest", _ingest, "land what is new on the SFTP server, or of sample deliveries if SFTP_HOST is not set"
    )
    which = landing.add_mutually_exclusive_group()
    which.add_argument(
        "--month", type=_month, metavar="YYYY-MM", help="only deliveries of this month, whatever MONTH is"
    )
    which.add_argument("--all-new", action="store_true", help="everything that is new, whatever MONTH is")
    landing.add_argument("--stock", action="store_true", help="only stock deliveries")
    landing.add_argument("--dry-run", action="store_true", help="only say what would be landed and what is incomplete")
    landing.add_argument(
        "--keep-text", action="store_true", help="keep the unpacked texts in the lake too, below DATA/UNZIP_DATA"
    )
    sample = add("sample", _sample, "make the sample deliveries, unless SFTP_HOST is set and no size is named")
    sample.add_argument(
        "--companies",
        type=_checked(companies_of),
        metavar="N",
        help="how many companies, whatever SAMPLE_COMPANIES is; 20000 by default",
    )
    sample.add_argument(
        "--established",
        type=_checked(share_of),
        metavar="SHARE",
        help="share of companies that are as old as the eight years of history or older, beyond the register's ages",
    )
    add("register", _register, "create the raw tables over what is landed")
    add("status", _status, "say what has landed: deliveries and files with their lines, and drift from the contract")
    add("verify", _verify, "read every landed file again and compare it with the logs")
    pruning = add("prune", _prune, "delete what was kept of old deliveries besides their rows")
    pruning.add_argument(
        "--keep-months",
        type=_months,
        required=True,
        metavar="N",
        help="months that stay as they are, the latest included",
    )
    pruning.add_argument("--raw", action="store_true", help="archives go too")
    pruning.add_argument("--dry-run", action="store_true", help="only say what would go")
    return parser


def _main() -> None:
    arguments = _parser().parse_args()
    if arguments.quiet:
        be_quiet()
    report = Report(arguments.log_format)
    run_command(lambda: arguments.run(arguments, report), report.error)


if __name__ == "__main__":
    _main()
