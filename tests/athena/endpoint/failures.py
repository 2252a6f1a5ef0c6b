"""How a query ends that does not succeed."""


class QueryFailedError(Exception):
    """The query has failed; the message is what Athena would say, or that this endpoint does not emulate it."""


class QueryStoppedError(Exception):
    """The query was cancelled."""


def not_emulated(what: str) -> QueryFailedError:
    """Make the error of a statement that is perhaps right, but that this endpoint does not know."""
    return QueryFailedError(f"NOT_EMULATED: this endpoint does not emulate {what}")
