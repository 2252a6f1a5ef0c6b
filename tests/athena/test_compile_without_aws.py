"""`dbt compile` for Athena on a machine without an AWS account."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.athena.stack import ROOT, inherited
from tests.s3_store import HOST


def test_the_project_compiles_for_athena_and_asks_aws_for_nothing(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as aws:
        aws.setblocking(False)
        nowhere = {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{aws.getsockname()[1]}",
            "AWS_REGION": "eu-west-2",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "ATHENA_S3_STAGING_DIR": "s3://nowhere/",
            "ATHENA_S3_DATA_DIR": "s3://nowhere/tables",
        }
        compiled = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--target", "athena", "--no-introspect",
             "--no-populate-cache", "--target-path", tmp_path, "--log-path", tmp_path,
             "--project-dir", "dbt_project", "--profiles-dir", "profiles"],
            cwd=ROOT, env=inherited() | nowhere | {"DO_NOT_TRACK": "1"}, capture_output=True, text=True, check=False,
            timeout=500,
        )  # fmt: skip
        assert compiled.returncode == 0, compiled.stdout + compiled.stderr
        try:
            asked = aws.accept()
        except BlockingIOError:
            asked = None
    assert asked is None
    nodes = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    assert len(models) > 50
    assert [node["name"] for node in models if not node.get("compiled_code")] == []
    (typed,) = [node for node in models if node["name"] == "stg_ukltd__accounts"]
    assert "where true" in typed["compiled_code"]
    assert "date_parse" in typed["compiled_code"]
