"""The layout of the lake: every path that is read or written below its root, and nothing else."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lake:
    """Paths below one lake root.

    Months are `YYYY-MM`, days `YYYYMMDD`, deliveries folder names such as `UKLTD_M_20261001`.
    """

    root: Path

    def archives(self, delivery: str) -> Path:
        """Folder of the archives of a delivery, as delivered."""
        return self.root / "DATA" / "RAW_DATA" / delivery

    def landed(self, file: str) -> Path:
        """Folder of the external table of a delivered file (`CI01`), one sub-folder a snapshot month."""
        return self.root / "DATA" / "UNZIP_DATA_APPEND_ALL" / file

    def rejected(self, file: str = "") -> Path:
        """Folder of the lines of a delivered file that could not be landed, or of those of all files."""
        return self.root / "DATA" / "REJECTED_DATA" / file

    def landed_files(self) -> Path:
        """Folder of the table of line counts, one row a delivered file."""
        return self.root / "DATA" / "ETL" / "LANDED_FILES"

    def predictions(self) -> Path:
        """Folder of the predictions, one sub-folder a score month."""
        return self.root / "DATA" / "LIST_USERS_PREDICTED"

    def prediction_reasons(self) -> Path:
        """Folder of the reasons of the predictions, one sub-folder a score month."""
        return self.root / "DATA" / "LIST_USERS_PREDICTED_REASONS"

    def delivery_logs(self) -> Path:
        """Folder of the delivery logs."""
        return self.root / "LOGS_FTP_EXECUTION"

    def delivery_log(self, delivery: str) -> Path:
        """Log that ends the landing of a delivery."""
        return self.delivery_logs() / f"LOG_{delivery}.json"

    def evaluation(self, day: str) -> Path:
        """File that ends a training."""
        return self.root / "ALGORITHM" / "EVALUATION" / f"evaluation_{day}.json"

    def model(self, day: str, model_name: str) -> Path:
        """Folder of the artefacts of one trained model."""
        return self.root / "ALGORITHM" / day / "XGBOOST" / "MODELS" / model_name

    def lists(self, day: str) -> Path:
        """Folder of the CSV lists of one prediction."""
        return self.root / "ALGORITHM" / day / "DATA" / "PREDICT" / "LIST_POSITIVE_CLASS"

    def unloaded(self) -> Path:
        """Scratch folder for what an engine writes out for Python to read."""
        return self.root / "SQL_OUTPUT_ATHENA"

    def work(self) -> Path:
        """Scratch folder for what is not published yet; safe to delete when nothing runs."""
        return self.root / ".work"

    @staticmethod
    def month_folder(table: Path, month: str, partition: str = "snapshot_month") -> Path:
        """Folder of one month below the folder of a table."""
        return table / f"{partition}={month}"
