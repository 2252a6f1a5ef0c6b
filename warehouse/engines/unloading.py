"""Where an engine writes marts out for Python to read: outside the lake's bucket, in which nothing is ever deleted."""

from typing import TYPE_CHECKING

from warehouse.aws import s3_client, told
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

# What one call deletes at most.
DELETED_BATCH = 1000


def parse_outside(lake: Lake[Location], url: str, variable: str) -> S3Path:
    """Read `s3://bucket/prefix` in another bucket than the lake's.

    Args:
        lake: The lake.
        url: The text.
        variable: What it is the value of, for messages.

    Raises:
        UserError: When it is no such URL, or in the bucket of the lake.
    """
    place = S3Path.parse(url, variable)
    if isinstance(lake.root, S3Path) and place.bucket == lake.root.bucket:
        raise UserError(f"{variable}={url} is in the bucket of the lake; name another bucket")
    return place


def delete_objects(folder: S3Path) -> None:
    """Delete everything below a folder.

    Raises:
        AwsError: When S3 refuses.
    """
    objects = folder.below()
    with told(str(folder)):
        for start in range(0, len(objects), DELETED_BATCH):
            keys: list[ObjectIdentifierTypeDef] = [{"Key": path.key} for path in objects[start : start + DELETED_BATCH]]
            s3_client().delete_objects(Bucket=folder.bucket, Delete={"Objects": keys, "Quiet": True})
