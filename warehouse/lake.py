"""The layout of the lake: every path that is read or written below its root, and nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from warehouse.s3 import S3Path
from warehouse.settings import local_work


class _Joined(Protocol):
    def __truediv__(self, name: str, /) -> Self: ...


L = TypeVar("L", bound=_Joined)
L_co = TypeVar("L_co", bound=_Joined, covariant=True)


@dataclass(frozen=True)
class Lake(Generic[L_co]):
    """Paths below one lake root, a local folder or a prefix of an S3 bucket.

    Months are `YYYY-MM`, days `YYYYMMDD`, deliveries folder names such as `UKLTD_M_20261001`.
    """

    root: L_co

    def archives(self, delivery: str = "") -> L_co:
        """Folder of the archives of a delivery, as delivered, or of those of all."""
        return self.root / "DATA" / "RAW_DATA" / delivery

    def texts(self, delivery: str) -> L_co:
        """Folder of the unpacked texts of a delivery, one sub-folder a file, where they are kept."""
        return self.root / "DATA" / "UNZIP_DATA" / delivery

    def landed(self, file: str = "") -> L_co:
        """Folder of the external table of a delivered file (`CI01`), one sub-folder a snapshot month, or of all."""
        return self.root / "DATA" / "UNZIP_DATA_APPEND_ALL" / file

    def rejected(self, file: str = "") -> L_co:
        """Folder of the lines of a delivered file that could not be landed, or of those of all files."""
        return self.root / "DATA" / "REJECTED_DATA" / file

    def landed_files(self) -> L_co:
        """Folder of the table of line counts, one row a delivered file."""
        return self.root / "DATA" / "ETL" / "LANDED_FILES"

    def predictions(self) -> L_co:
        """Folder of the predictions, one sub-folder a score month."""
        return self.root / "DATA" / "LIST_USERS_PREDICTED"

    def prediction_reasons(self) -> L_co:
        """Folder of the reasons of the predictions, one sub-folder a score month."""
        return self.root / "DATA" / "LIST_USERS_PREDICTED_REASONS"

    def ml_table(self, table: str) -> L_co:
        """Folder of a table about training and models, one sub-folder a score month."""
        return self.root / "ALGORITHM" / "TABLES" / table

    def delivery_logs(self) -> L_co:
        """Folder of the delivery logs."""
        return self.root / "LOGS_FTP_EXECUTION"

    def delivery_log(self, delivery: str) -> L_co:
        """Log that ends the landing of a delivery."""
        return self.delivery_logs() / f"LOG_{delivery}.json"

    def query_logs(self) -> L_co:
        """Folder of the query logs, one file a day."""
        return self.root / "LOGS_QUERY_EXECUTION"

    def earlier_delivery_logs(self) -> L_co:
        """Folder of the logs of landings that a later delivery of the same name has replaced."""
        return self.delivery_logs() / "EARLIER"

    def evaluation(self, day: str) -> L_co:
        """File that ends a training."""
        return self.root / "ALGORITHM" / "EVALUATION" / f"evaluation_{day}.json"

    def run(self, run_id: str) -> L_co:
        """File of the evaluation of one training, which no other training replaces."""
        return self.root / "ALGORITHM" / "EVALUATION" / "RUNS" / f"{run_id}.json"

    def model(self, day: str, model_name: str, version: str) -> L_co:
        """Folder of the artefacts of one version of a model, trained for a horizon day."""
        return self.root / "ALGORITHM" / day / "XGBOOST" / "MODELS" / model_name / version

    def lists(self, day: str) -> L_co:
        """Folder of the CSV lists of one prediction."""
        return self.root / "ALGORITHM" / day / "DATA" / "PREDICT" / "LIST_POSITIVE_CLASS"

    def reports(self, day: str = "") -> L_co:
        """Folder of the reports about one horizon day, or of those of all, which can be published as it is."""
        return self.root / "ANALYSIS" / day

    def docs(self) -> L_co:
        """Folder among the reports for the documentation of all tables."""
        return self.reports() / "docs"

    def unloaded(self) -> L_co:
        """Scratch folder for what an engine writes out for Python to read."""
        return self.root / "SQL_OUTPUT_ATHENA"

    def work(self) -> Path:
        """Local scratch folder for what is not published yet; safe to delete when nothing runs."""
        if isinstance(self.root, S3Path):
            return local_work() / self.root.bucket / self.root.key
        return Path(str(self.root)) / ".work"

    def lease(self, name: str) -> L_co:
        """Object that keeps a second run out of a lake on S3."""
        return self.root / ".work" / f"{name}.lock"

    @staticmethod
    def month_folder(table: L, month: str, partition: str = "snapshot_month") -> L:
        """Folder of one month below the folder of a table."""
        return table / f"{partition}={month}"
