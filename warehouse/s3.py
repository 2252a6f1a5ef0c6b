"""Objects of an S3 bucket under names that work like the paths of local files, as far as a lake needs that.

Objects are written whole or not at all, and never deleted: the policy for the lake's bucket denies that to everyone.
"""

import contextlib
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from warehouse.aws import AwsError, ChangedError, s3_client, told
from warehouse.errors import UserError

SCHEME = "s3://"
BUCKET_PATTERN = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ABSENT_CODES = {"NoSuchKey", "404"}
ANY_CONTENT = "*"
# What a browser shows instead of saving it, and the workbooks that it saves.
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Parts of one upload; what is smaller goes in one piece.
PART_BYTES = 16 << 20
CHUNK_BYTES = 1 << 20
TRANSFER = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
# How long a killed run keeps others out, and how often a living one says in that time that it lives.
LEASE_SECONDS = 60.0
RENEWALS = 4
# How often the bytes of an object are asked for whose connection breaks while they come.
READS = 4
# It is never set, and goes on while the machine sleeps, where the operating system has such a clock.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime() -> float:
    """Seconds since some moment, of which those count that a machine sleeps."""
    return time.clock_gettime(CLOCK)


@dataclass(frozen=True)
class Content:
    """An object as it was read.

    Attributes:
        data: Its bytes.
        version: Names this content, for `write_bytes`.
        age: Seconds since it was written, both by the clock of S3.
    """

    data: bytes
    version: str
    age: float


@dataclass(frozen=True, order=True)
class S3Path:
    """The name of an object, or of everything below it.

    Attributes:
        bucket: The bucket.
        key: The key, without a slash at either end; empty for the whole bucket.
    """

    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str, variable: str = "LAKE") -> "S3Path":
        """Read `s3://bucket/prefix`.

        Args:
            url: The text.
            variable: What it is the value of, for messages.

        Raises:
            UserError: When it is not such a URL.
        """
        bucket, _, key = url.removeprefix(SCHEME).partition("/")
        parts = key.rstrip("/").split("/")
        is_named = BUCKET_PATTERN.fullmatch(bucket) and not {".", ".."} & set(parts)
        if not url.startswith(SCHEME) or not is_named or (key.strip("/") and "" in parts):
            raise UserError(f"{variable}={url} is not a folder and not of the form s3://bucket/prefix")
        return cls(bucket, "/".join(part for part in parts if part))

    def __str__(self) -> str:
        """Give the URL."""
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> "S3Path":
        """Name something below."""
        return S3Path(self.bucket, "/".join(part for part in (self.key, name) if part))

    @property
    def name(self) -> str:
        """Last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return Path(self.name).stem

    @property
    def parent(self) -> "S3Path":
        """What it is directly below."""
        return S3Path(self.bucket, self.key.rpartition("/")[0])

    def below(self) -> list["S3Path"]:
        """List the objects below, by name.

        Raises:
            AwsError: When S3 refuses.
        """
        prefix = f"{self.key}/" if self.key else ""
        with told(str(self)):
            pages = s3_client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return sorted(S3Path(self.bucket, entry["Key"]) for page in pages for entry in page.get("Contents", ()))

    def glob(self, pattern: str) -> Iterator["S3Path"]:
        """List the objects below whose names match a pattern, part by part.

        Raises:
            AwsError: When S3 refuses.
        """
        wanted = pattern.split("/")
        for path in self.below():
            parts = path.key[len(self.key) :].lstrip("/").split("/")
            if len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
                yield path

    def read(self) -> Content | None:
        """Read the object; None if there is none.

        Raises:
            AwsError: When S3 refuses.
        """
        with told(str(self)):
            for _ in range(READS - 1):
                with contextlib.suppress(ResponseStreamingError, IncompleteReadError):
                    return self._read()
            return self._read()

    def _read(self) -> Content | None:
        try:
            answer = s3_client().get_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if error.response["Error"].get("Code") in ABSENT_CODES:
                return None
            raise
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = (now - answer["LastModified"]).total_seconds()
        return Content(answer["Body"].read(), answer["ETag"], age)

    def read_bytes(self) -> bytes:
        """Read the object's bytes.

        Raises:
            FileNotFoundError: When there is no object.
            AwsError: When S3 refuses.
        """
        content = self.read()
        if content is None:
            raise FileNotFoundError(str(self))
        return content.data

    def chunks(self) -> Iterator[bytes]:
        """Read the object piece by piece.

        Raises:
            FileNotFoundError: When there is no object.
            AwsError: When S3 refuses.
        """
        with told(str(self)):
            try:
                body = s3_client().get_object(Bucket=self.bucket, Key=self.key)["Body"]
            except ClientError as error:
                if error.response["Error"].get("Code") in ABSENT_CODES:
                    raise FileNotFoundError(str(self)) from None
                raise
            yield from body.iter_chunks(CHUNK_BYTES)

    def size(self) -> int | None:
        """Tell the object's size in bytes; None if there is none.

        Raises:
            AwsError: When S3 refuses.
        """
        with told(str(self)):
            try:
                return s3_client().head_object(Bucket=self.bucket, Key=self.key)["ContentLength"]
            except ClientError as error:
                if error.response["Error"].get("Code") in ABSENT_CODES:
                    return None
                raise

    def exists(self) -> bool:
        """Tell whether there is such an object."""
        return self.size() is not None

    is_file = exists

    def download(self, local: Path) -> None:
        """Copy the object, which exists, to a local file."""
        with told(str(self)):
            s3_client().download_file(self.bucket, self.key, str(local), Config=TRANSFER)

    def upload(self, local: Path) -> None:
        """Copy a local file, of any size, over whatever is there.

        Raises:
            AwsError: When S3 refuses.
            UserError: When the lease under which this process writes has run out.
        """
        _check_leases()
        content_type = CONTENT_TYPES.get(Path(self.name).suffix, "application/octet-stream")
        with told(str(self)):
            s3_client().upload_file(
                str(local), self.bucket, self.key, Config=TRANSFER, ExtraArgs={"ContentType": content_type}
            )

    def write_bytes(self, data: bytes, over: str | None = ANY_CONTENT) -> str:
        """Write a small object, and return what its content is called.

        Args:
            data: What to write.
            over: What it may replace: the content of this version, nothing at all (None), or anything.

        Raises:
            ChangedError: When it would replace something else.
            AwsError: When S3 refuses.
            UserError: When the lease under which this process writes has run out.
        """
        _check_leases()
        return self._put(data, over)

    def _put(self, data: bytes, over: str | None) -> str:
        try:
            return self._put_once(data, over)
        except ChangedError:
            # an attempt whose answer was lost may have written it, and the next one of the client met that
            found = self.read()
            if found is None or found.data != data:
                raise
            return found.version

    def _put_once(self, data: bytes, over: str | None) -> str:
        client = s3_client()
        with told(str(self)):
            if over == ANY_CONTENT:
                return client.put_object(Bucket=self.bucket, Key=self.key, Body=data)["ETag"]
            if over is None:
                return client.put_object(Bucket=self.bucket, Key=self.key, Body=data, IfNoneMatch="*")["ETag"]
            return client.put_object(Bucket=self.bucket, Key=self.key, Body=data, IfMatch=over)["ETag"]

    def abort_uploads(self) -> int:
        """Give up the uploads below that were begun and not ended, and return how many.

        Their parts are not objects, so nobody sees them, but they cost; and an upload that a run without its lease
        still works on can no longer end.

        Raises:
            AwsError: When S3 refuses.
        """
        client, aborted = s3_client(), 0
        with told(str(self)):
            pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=f"{self.key}/")
            for upload in [upload for page in pages for upload in page.get("Uploads", ())]:
                with contextlib.suppress(client.exceptions.NoSuchUpload):
                    client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    aborted += 1
        return aborted


class _Lease:
    """An object that says who writes, renewed by a thread while the writer lives.

    Whoever finds it older than `LEASE_SECONDS`, by the clock of S3 alone, may take it over; every change of it is a
    conditional write, so of two who try one succeeds. The holder counts the same seconds from before it asked for a
    renewal, on a clock that is never set, and writes nothing after them.
    """

    def __init__(self, lock: S3Path, work: str) -> None:
        self._lock, self._work = lock, work
        self._token = uuid.uuid4().hex
        self._renewals = 0
        self._version: str | None = None
        self._until = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {lock}", daemon=True)

    def _text(self, held: bool) -> bytes:
        # never the same text twice: two contents that are alike have one version
        self._renewals += 1
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        return json.dumps(
            {"held": held, "work": self._work, "holder": holder, "run": self._token, "renewal": self._renewals}
        ).encode()

    def _write(self) -> None:
        asked = uptime()
        self._version = self._lock._put(self._text(held=True), self._version)
        self._until = asked + LEASE_SECONDS

    def _taken(self, found: Content) -> str | None:
        """Tell who holds the lease; None if it can be taken."""
        try:
            text = json.loads(found.data)
            is_held, holder = text["held"], text["holder"]
        except (ValueError, KeyError, TypeError):
            is_held, holder = True, "somebody"
        return str(holder) if is_held and found.age < LEASE_SECONDS else None

    def _watched(self, found: Content) -> Content | None:
        """Tell by our own clock whether somebody renews the lease, where that of S3 was set back meanwhile."""
        time.sleep(LEASE_SECONDS)
        now = self._lock.read()
        return replace(now, age=LEASE_SECONDS) if now is not None and now.version == found.version else now

    def take(self) -> None:
        found = self._lock.read()
        if found is not None and found.age < -LEASE_SECONDS and self._taken(found):
            found = self._watched(found)
        if found is not None:
            holder = self._taken(found)
            if holder is not None:
                rest = max(1, round(LEASE_SECONDS - max(found.age, 0.0)))
                raise UserError(
                    f"another {self._work} ({holder}) holds {self._lock}; wait for it to end, then run again; if it "
                    f"was killed, its hold ends {rest} seconds from now"
                )
            self._version = found.version
        try:
            self._write()
        except ChangedError:
            raise UserError(
                f"another {self._work} has just begun and holds {self._lock}; wait for it to end, then run again"
            ) from None
        self._thread.start()

    def _keep(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / RENEWALS):
            try:
                is_ours = self._renew()
            except AwsError:
                continue  # the next attempt may succeed in time
            if not is_ours:
                self._until = 0.0
                return

    def _renew(self) -> bool:
        """Say that the writer lives, and tell whether the lease is still ours."""
        try:
            self._write()
        except ChangedError:
            # it may have been ourselves, by a renewal before, whose answer was lost
            found = self._lock.read()
            if found is None or self._token.encode() not in found.data:
                return False
            self._version = found.version
        return True

    def check(self) -> None:
        if uptime() > self._until:
            raise UserError(
                f"this {self._work} could not keep its hold of {self._lock}, and another may have begun; "
                "nothing more is written, run again"
            )

    def leave(self) -> None:
        self._ended.set()
        self._thread.join()
        if uptime() <= self._until:
            with contextlib.suppress(AwsError):  # who comes next then waits until it has run out
                self._lock._put(self._text(held=False), self._version)


Location = Path | S3Path

_leases: list[_Lease] = []


def _check_leases() -> None:
    for lease in _leases:
        lease.check()


@contextlib.contextmanager
def leased(lock: S3Path, work: str) -> Iterator[None]:
    """Be the only run, on any machine, that does this work for the time of a `with` block.

    Writes of this process are refused once it could not keep that up.

    Args:
        lock: Object to hold, created when absent.
        work: What is going on, for the message of the run that comes second.

    Raises:
        UserError: When another run holds it.
        AwsError: When S3 refuses.
    """
    lease = _Lease(lock, work)
    lease.take()
    _leases.append(lease)
    try:
        yield
    finally:
        _leases.remove(lease)
        lease.leave()
