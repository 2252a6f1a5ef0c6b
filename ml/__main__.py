"""Commands of the ml package: `python -m ml train | predict | register | summary`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ml.predict import predict
from ml.settings import SETTINGS_FILE, read_settings
from ml.summary import summary
from ml.tables import register_tables
from ml.train import train
from warehouse import settings as environment_settings
from warehouse.engines import open_engine
from warehouse.errors import run_command
from warehouse.lake import Lake


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description="Train, evaluate and apply the models.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("train", "evaluate and train both models on marts.to_train, write artefacts and the evaluation file"),
        ("predict", "score marts.to_predict, write predictions, reasons and lists"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--settings", type=Path, default=SETTINGS_FILE, help="YAML file, default ml/settings.yml")
        if name == "predict":
            command.add_argument("--all-reasons", action="store_true", help="reasons for every company, not the best")
    commands.add_parser("register", help="make the ml tables show what is in the lake, also when that is nothing")
    commands.add_parser("summary", help="print the closing summary of a run")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run one command on the lake and warehouse that the environment names.

    Args:
        arguments: The command and its options.

    Raises:
        UserError: When the command cannot do its work.
    """
    options = _parser().parse_args(arguments)
    environment = environment_settings.read_settings()
    if options.command == "train":
        train(environment, read_settings(options.settings))
    elif options.command == "predict":
        predict(environment, read_settings(options.settings), all_reasons=options.all_reasons)
    elif options.command == "register":
        register_tables(open_engine(environment), Lake(environment.lake))
    else:
        summary(environment)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
