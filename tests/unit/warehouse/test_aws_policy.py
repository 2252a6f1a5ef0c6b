"""The documented policies are JSON, deny deletes in the lake, and allow what the code asks for and no more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs/aws-policy.md").read_text(encoding="utf-8")
DELETES = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
LAKE = "arn:aws:s3:::LAKE-BUCKET"
# What the methods of boto3 that are not calls of one action of the same name need.
ACTIONS = {
    "list_objects_v2": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "download_file": {"s3:GetObject"},
    "upload_file": {"s3:PutObject", "s3:AbortMultipartUpload"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "delete_objects": {"s3:DeleteObject"},
}


def read(name: str) -> Any:
    (block,) = re.findall(rf"^```json {name}\n(.*?)^```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
    return json.loads(block)


def words(value: str | list[str]) -> set[str]:
    return {value} if isinstance(value, str) else set(value)


def allowed(name: str, resource: str = "") -> set[str]:
    return {
        action
        for statement in read(name)["Statement"]
        if statement["Effect"] == "Allow" and any(resource in each for each in words(statement["Resource"]))
        for action in words(statement["Action"])
    }


def called(file: str) -> set[str]:
    """Name the calls of boto3 in a module, without those of paths and locks that bear the names of none."""
    text = (ROOT / file).read_text(encoding="utf-8")
    direct = re.findall(r"(?:client|s3_client\(\)|glue_client\(\)|athena_client\(\))\.([a-z_0-9]+)\(", text)
    paged = re.findall(r'get_paginator\("([a-z_0-9]+)"\)', text)
    return set(direct + paged) - {"get_paginator"}


def test_every_block_of_the_page_is_json() -> None:
    names = re.findall(r"^```json (\S+)$", DOCUMENT, flags=re.MULTILINE)
    assert len(names) == DOCUMENT.count("```json") == 5
    for name in names:
        assert read(name)


@pytest.mark.parametrize("name", ["bucket-policy", "landing-policy", "building-policy"])
def test_deletes_in_the_lake_are_denied_and_nowhere_allowed(name: str) -> None:
    policy = read(name)
    assert policy["Version"] == "2012-10-17"
    (denied,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    assert words(denied["Action"]) == DELETES
    assert denied["Resource"] == f"{LAKE}/*"
    assert not DELETES & allowed(name, LAKE)


def test_who_builds_writes_only_the_query_log_of_the_lake_and_changes_no_raw_table() -> None:
    reads = {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"}
    assert allowed("building-policy", LAKE) == reads | {"s3:PutObject"}
    assert allowed("building-policy", f"{LAKE}/PREFIX/LOGS_QUERY_EXECUTION/*") == {"s3:PutObject"}
    assert allowed("building-policy", f"{LAKE}/PREFIX/*") == reads
    for schema in ("raw", "ml"):
        for kind in (f"database/{schema}", f"table/{schema}/"):
            assert not any(kind in each for statement in read("building-policy")["Statement"]
                           for each in words(statement["Resource"]))  # fmt: skip


def test_who_lands_does_not_touch_what_dbt_builds() -> None:
    for place in ("TABLES-BUCKET", "RESULTS-BUCKET", "/marts", "/staging", "/intermediate", "/seeds"):
        assert not allowed("landing-policy", place)


@pytest.mark.parametrize(
    ("file", "service", "policy"),
    [
        ("warehouse/s3.py", "s3", "landing-policy"),
        ("warehouse/engines/glue.py", "glue", "landing-policy"),
        ("warehouse/engines/athena.py", "athena", "building-policy"),
    ],
)
def test_every_call_of_the_code_is_allowed(file: str, service: str, policy: str) -> None:
    calls = called(file)
    assert calls
    for call in calls:
        of = "glue" if call in {"get_table", "get_databases"} else service
        needed = ACTIONS.get(call) or {f"{of}:{''.join(word.capitalize() for word in call.split('_'))}"}
        assert needed <= allowed(policy), call


def test_landing_is_allowed_no_call_that_the_code_does_not_make() -> None:
    calls = called("warehouse/s3.py") | called("warehouse/engines/glue.py") | {"get_databases"}
    needed = {
        action
        for call in calls
        for action in ACTIONS.get(call)
        or {f"{service}:{''.join(word.capitalize() for word in call.split('_'))}" for service in ("s3", "glue")}
    }
    assert allowed("landing-policy") <= needed
