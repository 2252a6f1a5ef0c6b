"""Commands of the ml package: `python -m ml --help` names them."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml import operate
from ml.compare import compare_marts, comparison_lines
from ml.evaluate import evaluate
from ml.evaluation_tables import evaluation_tables
from ml.export import export_mlflow
from ml.inputs import read_inputs
from ml.predict import predict
from ml.promotion import LATEST, Decision, Gate
from ml.registry import Version
from ml.registry_tables import read_registry
from ml.report import report_lines, test_lines, window_tests
from ml.retrain import retrain
from ml.settings import MODEL_NAMES, SETTINGS_FILE, read_settings
from ml.show import (
    difference_lines,
    find_run,
    list_lines,
    list_versions,
    run_difference,
    run_lines,
    run_values,
)
from ml.summary import summary
from ml.tables import register_tables
from ml.train import train
from ml.tune import tune_marts, tuning_lines
from reports.evaluation import evaluation_report
from reports.index import write_index
from reports.insights import insights_report
from reports.leads import LEADS, write_leads
from reports.model_card import model_card_report
from reports.monthly import monthly_report
from reports.writing import write_report
from warehouse import settings as environment_settings
from warehouse import terminal
from warehouse.engines import open_engine
from warehouse.errors import run_command
from warehouse.lake import Lake
from warehouse.progress import bar
from warehouse.settings import Settings as Environment

GATES_DO_NOT_HOLD = 3
REPORTS = ("text", "insights", "evaluation", "card", "monthly", "leads", "index")
OF_NO_RUN = {
    "insights": "insights are of the training table as it is now",
    "card": "the card is of the versions that serve now",
    "monthly": "the monthly letter is of the tables as they are now",
    "leads": "leads are those of the warehouse as it is now",
}
EXIT_CODES = """exit codes:
  0  done
  1  not done; one sentence on stderr says why and what to do
  2  the command line is wrong
  3  a gate does not hold: nothing was promoted, or a check failed
"""


def _emit(options: argparse.Namespace, values: Any, lines: Sequence[str]) -> None:
    print(json.dumps(values, indent=2, ensure_ascii=False, default=str) if options.json else "\n".join(lines))


def _saying(command: str) -> Callable[[str], None]:
    """Give what prints progress lines on standard error, beside a result on standard output."""
    return lambda line: terminal.say(f"{command}: {line}", sys.stderr)


def _emit_done(options: argparse.Namespace, values: Any, lines: Sequence[str]) -> None:
    """Tell what was done: as JSON where that was asked for, else unless only results are wanted."""
    if options.json or not terminal.is_quiet():
        _emit(options, values, lines)


def _train(environment: Environment, options: argparse.Namespace) -> None:
    train(environment, read_settings(options.settings, options.overrides), dry_run=options.dry_run)


def _predict(environment: Environment, options: argparse.Namespace) -> None:
    settings = read_settings(options.settings, options.overrides)
    predict(environment, settings, all_reasons=options.all_reasons, dry_run=options.dry_run)


def _evaluate(environment: Environment, options: argparse.Namespace) -> None:
    settings = read_settings(options.settings, options.overrides)
    horizon, frame = read_inputs(environment, settings)
    findings = evaluate(frame, horizon.date, settings, _saying("evaluate"))
    metrics = {name: tested.metrics for name, tested in findings.headline.models.items()}
    _emit(
        options,
        {name: {key: asdict(metric) for key, metric in of.items()} for name, of in metrics.items()},
        test_lines(window_tests([*findings.earlier_windows, findings.headline], findings.naive)),
    )


def _compare(environment: Environment, options: argparse.Namespace) -> None:
    settings = read_settings(options.settings, options.overrides)
    compared = compare_marts(environment, settings, _saying("compare"))
    _emit(options, [asdict(of) for of in compared], comparison_lines(compared))


def _tune(environment: Environment, options: argparse.Namespace) -> None:
    settings = read_settings(options.settings, options.overrides)
    names = [name for name in MODEL_NAMES if options.model in (None, name)]
    proposals = tune_marts(environment, settings, names, options.output, _saying("tune"))
    _emit(options, [asdict(proposal) for proposal in proposals], tuning_lines(proposals, options.output))


def _check(environment: Environment, options: argparse.Namespace) -> None:
    horizon_date, gates = operate.check(environment, read_settings(options.settings, options.overrides))
    lines = [f"the marts of horizon {horizon_date} are as their feature definitions say, their history suffices"]
    lines += [f"{'holds' if gate.holds else 'FAILS'}: {gate.line}" for gate in gates]
    _emit(options, {"horizon_date": horizon_date, "gates": [asdict(gate) for gate in gates]}, lines)
    _end(gates)


def _end(gates: Sequence[Gate]) -> None:
    if not all(gate.holds for gate in gates):
        raise SystemExit(GATES_DO_NOT_HOLD)


def _decision(decision: Decision) -> dict[str, Any]:
    version = decision.version
    return {
        "model_name": version.model_name,
        "model_version": version.model_version,
        "champion_before": decision.before,
        "promoted": decision.promoted,
        "gates": [asdict(gate) for gate in decision.gates],
    }


def _promote(environment: Environment, options: argparse.Namespace) -> None:
    settings = read_settings(options.settings, options.overrides)
    decisions = operate.promote(environment, settings, options.version, options.why, dry_run=options.dry_run)
    lines = [f"{_tried(options)}{line}" for decision in decisions for line in decision.lines()]
    has_refusals = any(decision.refusals for decision in decisions)
    tell = _emit if options.dry_run or has_refusals else _emit_done
    tell(options, [_decision(decision) for decision in decisions], lines)
    _end([gate for decision in decisions for gate in decision.gates])


def _tried(options: argparse.Namespace) -> str:
    return "dry run, nothing is written: " if options.dry_run else ""


def _tell(options: argparse.Namespace, version: Version, became: str) -> None:
    values = {"model_name": version.model_name, "model_version": version.model_version, "became": became}
    tell = _emit if options.dry_run else _emit_done
    tell(options, values, [f"{_tried(options)}{version.words} is {became}"])


def _rollback(environment: Environment, options: argparse.Namespace) -> None:
    _tell(options, operate.roll_back(environment, options.model, options.why, dry_run=options.dry_run), "champion")


def _archive(environment: Environment, options: argparse.Namespace) -> None:
    _tell(options, operate.withdraw(environment, options.version, options.why, dry_run=options.dry_run), "archived")


def _list(environment: Environment, options: argparse.Namespace) -> None:
    versions = list_versions(read_registry(Lake(environment.lake)))
    _emit(options, versions, list_lines(versions))


def _show(environment: Environment, options: argparse.Namespace) -> None:
    lake = Lake(environment.lake)
    registry = read_registry(lake)
    values = run_values(find_run(lake, registry, options.run), registry)
    _emit(options, values, run_lines(values))


def _diff(environment: Environment, options: argparse.Namespace) -> None:
    lake = Lake(environment.lake)
    registry = read_registry(lake)
    difference = run_difference(*(find_run(lake, registry, run) for run in (options.first, options.second)))
    _emit(options, difference, difference_lines(difference))


def _report(environment: Environment, options: argparse.Namespace) -> None:
    # a run may stand in the place of the kind, for its text
    kind, run = (options.kind, options.run) if options.kind in REPORTS else ("text", options.kind)
    if options.run and run != options.run:
        options.wrong(f"{options.kind} is no kind of report; choose from {', '.join(REPORTS)}")
    if kind in OF_NO_RUN and run:
        options.wrong(f"{OF_NO_RUN[kind]}, not of a run; leave {run} out")
    if kind == "index" and (run or options.output):
        options.wrong("the index page lists what lies in the lake, and goes there; leave the rest out")
    if kind == "text":
        _report_text(environment, options, run or LATEST)
        return
    if kind in {"leads", "index"}:
        _report_files(environment, options, kind)
        return
    lake = Lake(environment.lake)
    if kind == "insights":
        with bar("reading the training table"):
            report, day = insights_report(environment, _saying("report"))
    elif kind == "card":
        with bar("reading the versions that serve"):
            report, day = model_card_report(environment)
    elif kind == "monthly":
        with bar("reading what the month brought"):
            report, day = monthly_report(environment)
    else:
        with bar("reading the evaluation"):
            report, told = evaluation_report(environment, run or LATEST)
        day = told.horizon_date
    paths = write_report(options.output or lake.reports(day.strftime("%Y%m%d")), report)
    page, *figures = map(str, paths)
    lines = [f"report: {page}", f"report: its figures as {len(figures)} CSV files in {paths[1].parent}"]
    _emit_done(options, {"page": page, "figures": figures}, lines)


def _report_files(environment: Environment, options: argparse.Namespace, kind: str) -> None:
    if kind == "index":
        paths = [write_index(Lake(environment.lake))]
    else:
        with bar("writing the leads"):
            paths = write_leads(environment, options.output, options.rows, _saying("report"))
    _emit_done(options, {"files": [str(path) for path in paths]}, [f"report: {path}" for path in paths])


def _report_text(environment: Environment, options: argparse.Namespace, run: str) -> None:
    lake = Lake(environment.lake)
    evaluation = find_run(lake, read_registry(lake), run)
    tables = {name: table.to_pylist() for name, table in evaluation_tables(evaluation).items()}
    _emit(options, tables, report_lines(evaluation))


def _retrain(environment: Environment, options: argparse.Namespace) -> None:
    for line in retrain(environment, options.from_run, dry_run=options.dry_run):
        terminal.say(f"retrain: {line}")


def _export(environment: Environment, options: argparse.Namespace) -> None:
    written = export_mlflow(Lake(environment.lake), options.folder)
    look = f"MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri {options.folder}"
    terminal.say(f"export: {written} runs in {options.folder}; look at them with {look}")


def _register(environment: Environment, _options: argparse.Namespace) -> None:
    register_tables(open_engine(environment), Lake(environment.lake))


def _summary(environment: Environment, _options: argparse.Namespace) -> None:
    summary(environment)


Work = Callable[[Environment, argparse.Namespace], None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml",
        description="Train, evaluate, register, promote and apply the models.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, work: Work, text: str, *options: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(work=work)
        made.add_argument("--quiet", action="store_true", help="print only what was asked for and what is wrong")
        if "settings" in options:
            made.add_argument("--settings", type=Path, default=SETTINGS_FILE, help="YAML file, default ml/settings.yml")
            made.add_argument(
                "-o", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
                help="a setting to use instead of the file's, as models.precision.eta=0.1; may be repeated",
            )  # fmt: skip
        if "dry-run" in options:
            made.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
        if "json" in options:
            made.add_argument("--json", action="store_true", help="print JSON")
        if "why" in options:
            made.add_argument("--why", default="", help="in your words; kept with the event")
        return made

    all_of_a_run = "a run, the beginning of its name, a version that it made, or latest"
    command("check", _check, "check the marts, and the models that serve them, without writing", "settings", "json")
    command(
        "train", _train, "evaluate and train both models, register them, promote them if every gate holds",
        "settings", "dry-run",
    )  # fmt: skip
    command("evaluate", _evaluate, "evaluate both models as train does, and write nothing", "settings", "json")
    command(
        "compare", _compare, "test other ways to rank companies beside both models, and write ml_comparison",
        "settings", "json",
    )  # fmt: skip
    tuned = command("tune", _tune, "search better hyper-parameters, and propose them as a settings file",
                    "settings", "json")  # fmt: skip
    tuned.add_argument("--model", choices=MODEL_NAMES, help="tune this one only")
    tuned.add_argument(
        "--output", type=Path, default=Path("settings-tuned.yml"), metavar="FILE", help="default settings-tuned.yml"
    )
    scored = command("predict", _predict, "score marts.to_predict with the champions: predictions, reasons, lists",
                     "settings", "dry-run")  # fmt: skip
    scored.add_argument("--all-reasons", action="store_true", help="write reasons for every company, not for the best")
    promoted = command("promote", _promote, "make a version the champion if every gate holds",
                       "settings", "dry-run", "json", "why")  # fmt: skip
    promoted.add_argument("version", help=f"a version, the beginning of one, or {LATEST} for the latest of each model")
    back = command("rollback", _rollback, "make the champion before this one champion again", "dry-run", "json", "why")
    back.add_argument("model", choices=MODEL_NAMES)
    gone = command("archive", _archive, "withdraw a version: it is never served again", "dry-run", "json", "why")
    gone.add_argument("version", help="a version, or the beginning of one")
    command("list", _list, "name the registered versions and what they are now", "json")
    shown = command("show", _show, "tell everything of a run", "json")
    shown.add_argument("run", help=all_of_a_run)
    differs = command("diff", _diff, "tell in what two runs differ", "json")
    differs.add_argument("first", help=all_of_a_run)
    differs.add_argument("second", help="another")
    reported = command("report", _report, "print the evaluation of a run, or write a report as a page with pictures",
                       "json")  # fmt: skip
    reported.add_argument(
        "kind", nargs="?", default="text", metavar="KIND",
        help="text (the default): print an evaluation; evaluation: the same as a page; insights: the training table as "
        "a page; card: the model card of the versions that serve; monthly: what the latest delivery brought, and its "
        "leads, as a page; leads: the leads as an Excel workbook and as CSV; index: a page that links to all of them; "
        "a run in its place prints that run's text",
    )  # fmt: skip
    reported.add_argument("run", nargs="?", help=f"{all_of_a_run} (the default); the others are of no run")
    reported.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where a page goes; default ANALYSIS/YYYYMMDD of the lake"
    )
    reported.add_argument("--rows", type=int, default=LEADS, metavar="N", help=f"of leads: the best N, default {LEADS}")
    reported.set_defaults(wrong=reported.error)
    again = command("retrain", _retrain, "make the models of a run again and show that they are the same", "dry-run")
    again.add_argument("--from-run", required=True, metavar="RUN", help=all_of_a_run)
    exported = command("export", _export, "write all runs for other programs")
    exported.add_argument("format", choices=["mlflow"])
    exported.add_argument("folder", type=Path, help="folder in the layout of MLflow's file store")
    command("register", _register, "make the ml tables show what is in the lake, also when that is nothing")
    command("summary", _summary, "print the closing summary of a run")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run one command on the lake and warehouse that the environment names.

    Args:
        arguments: The command and its options.

    Raises:
        UserError: When the command cannot do its work.
        SystemExit: With status 3 when a gate does not hold, 2 when the arguments are wrong.
    """
    options = _parser().parse_args(arguments)
    if options.quiet:
        terminal.be_quiet()
    options.work(environment_settings.read_settings(), options)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
