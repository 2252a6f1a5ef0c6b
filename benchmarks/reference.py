"""The models on two public data sets, as a check against published figures: anything with the marts' columns will do.

    python -m benchmarks.reference FOLDER

FOLDER holds `spam.csv` and `ticdata.csv`, as R writes them from the package kernlab (Debian: r-cran-kernlab):

    Rscript -e 'library(kernlab); data(spam); write.csv(spam, "spam.csv", row.names = FALSE)'
    Rscript -e 'library(kernlab); data(ticdata); write.csv(ticdata, "ticdata.csv", row.names = FALSE)'

The data sets have no time: what stands for it is a random but fixed order, with the test rows in the test window and
the others before it. So the split is by row only, no purge is put to the test, and no earlier year can be tested.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv

from ml.evaluate import evaluate
from ml.inputs import read_inputs
from ml.metrics import Tested, point
from ml.settings import MODEL_NAMES, ModelName, Settings, read_settings
from warehouse.catalog import literal, quoted
from warehouse.settings import Settings as Environment

# one part of the companies is tested, the rows of the test; trees as many as they take, since rows are few
SETTINGS = (
    "company_folds=1",
    "test_windows=1",
    "models.precision.maximum_rounds=3000",
    "models.recall.maximum_rounds=3000",
    "nthread=1",
)
HORIZON = "2020-01-01"
LATEST_YEAR = 0.25  # share of the training rows in the year that growing stops on


@dataclass(frozen=True)
class DataSet:
    """A public data set and what is published of it.

    Attributes:
        file: In the folder.
        label, positive: Column to predict, and its value that counts as positive.
        test_rows: How many rows are tested.
        test_is_last: Whether these are the last of the file, as published; otherwise a fixed choice at random.
        measure: What the published figures are of.
        unit: In words.
        published: The figures and their source.
    """

    file: str
    label: str
    positive: str
    test_rows: int
    test_is_last: bool
    measure: Callable[[Tested], float]
    unit: str
    published: str


def error_rate(tested: Tested) -> float:
    """Share of the rows on the wrong side of a probability of one half, in percent."""
    return 100 * float(((tested.probability >= 0.5) != tested.label).mean())  # noqa: PLR2004


def found_in_800(tested: Tested) -> float:
    """Positives among the 800 most probable rows."""
    return 800 * point(tested, "precision_at_800")


DATA_SETS = (
    # Hastie, Tibshirani, Friedman (2009), The Elements of Statistical Learning, 2nd edition, section 10.8, on a test
    # set of 1,536 rows of their own choice
    DataSet(
        "spam.csv", "type", "spam", 1536, test_is_last=False, measure=error_rate, unit="% of test rows misclassified",
        published="4.5 gradient boosting, 5.5 additive logistic regression and MARS, 8.7 a tree; standard error 0.6",
    ),
    # van der Putten, de Ruiter, van Someren (2000), CoIL Challenge 2000 Tasks and Results, on the same test set, whose
    # labels were unknown to those who took part
    DataSet(
        "ticdata.csv", "CARAVAN", "insurance", 4000, test_is_last=True, measure=found_in_800,
        unit="of 238 policy owners among the best 800 of 4,000",
        published="121 the best of 43 entries; 118 linear, 105 neural network, 94 nearest neighbours, 42 at random",
    ),
)  # fmt: skip


def _features(connection: duckdb.DuckDBPyConnection, label: str) -> dict[str, tuple[str, str]]:
    """Find the features: for each column its kind and its SQL; bands in words count by their first number."""
    features = {}
    for name, type_ in connection.execute("select column_name, column_type from (describe source)").fetchall():
        if name in (label, "row"):
            continue
        if type_ != "VARCHAR":
            features[name] = ("numeric", quoted(name))
            continue
        number = f"try_cast(regexp_extract({quoted(name)}, '\\d+') as double)"
        ((words,),) = connection.execute(f"select count(*) from source where {number} is null").fetchall()
        features[name] = ("categorical", quoted(name)) if words else ("numeric", number)
    return features


def write_marts(path: Path, source: pa.Table, label: str, positive: str, test_rows: int, *, test_is_last: bool) -> None:
    """Write a warehouse with the four marts that training reads, of a table without time.

    Args:
        path: DuckDB file to make.
        source: One row an observation; text columns are categorical, unless every value holds a number.
        label: Column to predict.
        positive: Its value that counts as positive, as text.
        test_rows: How many rows are put into the test window.
        test_is_last: Whether these are the last, or chosen at random but always alike.
    """
    with duckdb.connect(str(path)) as connection:
        connection.register("given", source)
        connection.execute("create temp table source as select row_number() over () as row, * from given")
        features = _features(connection, label)
        columns = ", ".join(f"{sql} as {quoted(name)}" for name, (_, sql) in features.items())
        names = ", ".join(quoted(name) for name in features)
        order = "row desc" if test_is_last else "md5('test|' || row)"
        connection.execute(f"""
            create temp table placed as
            with chosen as (
                select *, row_number() over (order by {order}) <= {test_rows} as is_test from source
            ),
            ordered as (
                select *, percent_rank() over (partition by is_test order by md5('time|' || row)) as place from chosen
            )
            select
                lpad(cast(row as varchar), 8, '0') as company_number,
                case
                    when is_test then date '2018-01-02' + cast(floor(360 * place) as integer)
                    when place >= {1 - LATEST_YEAR} then date '2016-01-02' + cast(floor(360 * place) as integer)
                    else date '2014-01-02' + cast(floor(360 * place) as integer)
                end as observed_on,
                cast(cast({quoted(label)} as varchar) = {literal(positive)} as integer) as label,
                case when is_test then row % 20 else 20 + row % 80 end as split_bucket,
                is_test,
                {columns}
            from ordered""")
        connection.execute("create schema marts")
        keys = "company_number, observed_on as accounts_date, observed_on, split_bucket"
        connection.execute(f"""
            create table marts.to_train as
            select {keys}, label, 1.0 as sample_weight, date '2000-01-01' as similar_since, {names} from placed""")
        connection.execute(f"""
            create table marts.to_predict as
            select {keys}, true as is_eligible, cast(null as varchar) as ineligible_reason, {names}
            from placed where is_test""")
        connection.execute(f"""
            create table marts.horizon as
            select date '{HORIZON}' as horizon_date, '{HORIZON[:7]}' as snapshot_month, count(*) as to_train_rows,
                sum(label) as to_train_positives, count(*) filter (is_test) as to_predict_rows
            from placed""")
        connection.execute(
            "create table marts.feature_definitions (position integer, feature varchar, kind varchar, unit varchar, "
            "source_columns varchar, reason varchar)"
        )
        connection.executemany(
            "insert into marts.feature_definitions values (?, ?, ?, ?, ?, ?)",
            [
                (place, name, kind, "code" if kind == "categorical" else "ratio", name, name)
                for place, (name, (kind, _)) in enumerate(features.items(), start=1)
            ],
        )


def write_data_set(path: Path, folder: Path, data_set: DataSet) -> None:
    """Write the warehouse of one of the data sets; the arguments are the file to make, the data's folder and which."""
    write_marts(
        path,
        pyarrow.csv.read_csv(folder / data_set.file),
        data_set.label,
        data_set.positive,
        data_set.test_rows,
        test_is_last=data_set.test_is_last,
    )


def evaluated(warehouse: Path, settings: Settings) -> dict[ModelName, Tested]:
    """Evaluate both models on a warehouse as `python -m ml evaluate` does, and return the tested rows."""
    horizon, frame = read_inputs(Environment(warehouse.with_name("lake"), warehouse, None), settings)
    return dict(evaluate(frame, horizon.date, settings, lambda _: None).tested)


def main() -> None:
    """Measure both models on both data sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    settings = read_settings(overrides=[*SETTINGS, *options.overrides])
    for data_set in DATA_SETS:
        with tempfile.TemporaryDirectory() as scratch:
            warehouse = Path(scratch) / "warehouse.duckdb"
            write_data_set(warehouse, options.folder, data_set)
            found = evaluated(warehouse, settings)
        print(f"{data_set.file}, {data_set.unit}; published: {data_set.published}")
        for name in MODEL_NAMES:
            print(f"  {name}: {data_set.measure(found[name]):.1f}, area under ROC {point(found[name], 'roc_auc'):.3f}")


if __name__ == "__main__":
    main()
