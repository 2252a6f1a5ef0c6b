"""Statements checked against the grammar of Trino 422, which Athena engine 3 is close to."""

import threading
from functools import lru_cache

from antlr4 import CommonTokenStream, InputStream
from antlr4.atn.PredictionMode import PredictionMode
from antlr4.error.ErrorListener import ConsoleErrorListener
from trino_query_parser import TrinoSyntaxError
from trino_query_parser.error import TrinoErrorListener
from trino_query_parser.SqlBaseLexer import SqlBaseLexer
from trino_query_parser.SqlBaseParser import SqlBaseParser

from tests.athena.endpoint.failures import QueryFailedError

_lock = threading.Lock()  # the parser's tables are shared between all parsers of a process


@lru_cache(maxsize=4096)
def _error(statement: str) -> str | None:
    # the package's own function is ten times as slow: it also turns the tree into lists
    error = None
    for mode in (PredictionMode.SLL, PredictionMode.LL):  # the first is faster, and never takes what the second refuses
        lexer = SqlBaseLexer(InputStream(statement.upper()))
        parser = SqlBaseParser(CommonTokenStream(lexer))
        for part in (lexer, parser):
            part.removeErrorListener(ConsoleErrorListener.INSTANCE)
            part.addErrorListener(TrinoErrorListener())
        parser.buildParseTrees = False
        parser._interp.predictionMode = mode
        try:
            parser.singleStatement()
        except TrinoSyntaxError as found:
            error = str(found)
        else:
            return None
    return error


def check(statement: str) -> None:
    """Check that a statement is Trino's SQL.

    Raises:
        QueryFailedError: When the grammar does not take it; says at which line and column.
    """
    with _lock:
        error = _error(statement)
    if error is not None:
        raise QueryFailedError(f"SYNTAX_ERROR: line {error}")
