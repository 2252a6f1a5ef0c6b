"""The three CSV lists of one prediction, as the field knows them.

None of their columns holds free text, and a registration number is capital letters and digits (`is_company_number`): no
cell begins as a formula of a spreadsheet does, so none is guarded.
"""

from ml.tables import partition_file
from warehouse.catalog import literal
from warehouse.engines.duckdb import connect_memory, narrow, show_objects
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import whole_file

LIST_SCORE = 0.75

COLUMNS = "score_month, company_number, model_name, model_version, run_id, score, probability, rank"


def write_lists(lake: Lake[Location], day: str, month: str, memory: str) -> list[Location]:
    """Write the lists from the published predictions, each in one step.

    `full_prediction` has every prediction of both models, `full_prediction_proba_75` those with a score of at least
    0.75, `reg_prediction_proba_75` the registration numbers in the latter, each once.

    Args:
        lake: Where the predictions are and the lists go.
        day: Horizon date, `YYYYMMDD`.
        month: Score month, `YYYY-MM`.
        memory: What DuckDB may take for it.
    """
    # the file is in the order of the lists, by model and rank, and DuckDB keeps the order of what it copies
    scan = f"read_parquet({literal(str(partition_file(lake, 'predictions', month)))}, hive_partitioning = true, "
    scan += "hive_types_autocast = false)"
    cut = f"score >= {LIST_SCORE}"
    queries = {
        "full_prediction": f"select {COLUMNS} from {scan}",
        "full_prediction_proba_75": f"select {COLUMNS} from {scan} where {cut}",
        "reg_prediction_proba_75": f"select distinct company_number from {scan} where {cut} order by company_number",
    }
    folder = lake.lists(day)
    paths: list[Location] = []
    with connect_memory(lake.work() / "lists") as connection:
        narrow(connection, memory)
        show_objects(connection, lake.root)
        for name, query in queries.items():
            path = folder / f"{name}.csv"
            with whole_file(path) as unfinished:
                connection.execute(f"copy ({query}) to {literal(str(unfinished))} (format csv, header)")
            paths.append(path)
    return paths
