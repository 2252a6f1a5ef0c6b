"""A download in progress: bytes in order under a name of its own, gone on with after a kill."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

HASH_CHUNK = 1 << 20
# What was written last before a machine went down may never have reached the disk: it is fetched once more.
DOUBTFUL_BYTES = 1 << 20


class PartialFile:
    """A file that grows from its start and takes its final name when it is whole. Use in a `with` block.

    The name says of which remote size and time it is a part, so that it is never gone on with from another file.
    """

    def __init__(self, final: Path, size: int, modified: int) -> None:
        """Open what there is of it, without its last megabyte, or nothing.

        Args:
            final: Name of the whole file.
            size: Bytes of the whole file.
            modified: Time of the whole file, seconds since 1970.
        """
        self._final, self._whole, self._modified = final, size, modified
        self._path = final.with_name(f".{final.name}.{size}.{modified}.part")
        for other in final.parent.glob(f".{final.name}.*.part"):
            if other != self._path:
                other.unlink()
        self._file = self._path.open("a+b")
        kept = min(max(self._path.stat().st_size - DOUBTFUL_BYTES, 0), size)
        if self._path.stat().st_size > kept:  # some file systems send what was ever truncated to the disk at once
            self._file.truncate(kept)
        self._digest = hashlib.sha256()
        self._file.seek(0)
        while chunk := self._file.read(HASH_CHUNK):
            self._digest.update(chunk)
        self.size = kept

    def __enter__(self) -> "PartialFile":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what is not whole stays for the next run."""
        self._file.close()

    def append(self, blocks: Sequence[bytes]) -> None:
        """Add the bytes that come next."""
        for block in blocks:
            self._file.write(block)
            self._digest.update(block)
            self.size += len(block)

    def finish(self) -> str:
        """Give the whole file its name and time, and return its SHA-256 in hex."""
        self._file.flush()
        os.utime(self._path, (self._modified, self._modified))
        self._path.replace(self._final)
        return self._digest.hexdigest()
