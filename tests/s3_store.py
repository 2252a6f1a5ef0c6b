"""A real S3 store on the loopback interface: SeaweedFS, whose program a Python package brings."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

HOST = "127.0.0.1"
REGION = "eu-west-2"
START_SECONDS = 90
SERVICES = ("s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc")


@dataclass(frozen=True)
class Keys:
    """Who asks."""

    key_id: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret}


@dataclass(frozen=True)
class Store:
    """Where the store listens, and the keys of somebody who may do everything there.

    Attributes:
        keys: Those of others, by name, who may do less.
    """

    port: int
    key_id: str
    secret: str
    keys: Mapping[str, Keys] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What makes boto3, and whatever asks it, use the store."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{self.port}",
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client(self) -> Any:
        return boto3.Session(self.key_id, self.secret, region_name=REGION).client(
            "s3", endpoint_url=f"http://{HOST}:{self.port}"
        )


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in bound]


def _made_keys() -> Keys:
    return Keys(secrets.token_hex(8), secrets.token_hex(16))


def _identity(name: str, keys: Keys, actions: Sequence[str]) -> dict[str, Any]:
    credentials = [{"accessKey": keys.key_id, "secretKey": keys.secret}]
    return {"name": name, "credentials": credentials, "actions": list(actions)}


@contextlib.contextmanager
def serve_s3(folder: Path, bucket: str, others: Mapping[str, Sequence[str]] | None = None) -> Iterator[Store]:
    """Run a store with one bucket for the time of a `with` block; its files go into the folder, its log too.

    Args:
        folder: An empty one.
        bucket: Name of the bucket.
        others: What people besides the owner may do, by name, such as `Read:bucket`.
    """
    program = Path(sys.executable).with_name("weed")
    ports = dict(zip(SERVICES, _free_ports(len(SERVICES)), strict=True))
    owner = _made_keys()
    keys = {name: _made_keys() for name in others or {}}
    store = Store(ports["s3"], owner.key_id, owner.secret, keys)
    identities = [_identity(name, keys[name], actions) for name, actions in (others or {}).items()]
    (folder / "identities.json").write_text(
        json.dumps({"identities": [_identity("all", owner, ["Admin"]), *identities]})
    )
    (folder / "data").mkdir()
    options = [f"-{name.replace('.grpc', '.port.grpc') if '.' in name else name + '.port'}={port}"
               for name, port in ports.items()]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "server", f"-dir={folder / 'data'}", f"-ip={HOST}", f"-ip.bind={HOST}", "-s3", *options,
             f"-s3.config={folder / 'identities.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=50",
             "-master.volumeSizeLimitMB=64"],
            stdout=log, stderr=log, cwd=folder,
            # weed takes settings such as SFTP_PORT from the environment, where make puts empty ones
            env={name: value for name, value in os.environ.items() if not name.startswith("SFTP_")},
        )  # fmt: skip
    try:
        _await(store, process, folder / "log", bucket)
        yield store
    finally:
        process.kill()  # asked to end, it takes half a minute to say farewell
        process.wait()


def _await(store: Store, process: subprocess.Popen[bytes], log: Path, bucket: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection((HOST, store.port), timeout=1):
                pass
            store.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            store.client.put_object(Bucket=bucket, Key="started", Body=b"")
            store.client.delete_object(Bucket=bucket, Key="started")
            return
        except (OSError, ClientError, BotoCoreError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()[-2000:]) from None
            time.sleep(0.2)
