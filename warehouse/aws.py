"""Clients of AWS, or of a store that speaks like it, and what goes wrong with them as one sentence."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import RetriesExceededError, S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from warehouse.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
CONNECT_SECONDS = 10
READ_SECONDS = 60
# How often a call is made that is answered with an error which passes, such as too many calls at once; pauses grow.
ATTEMPTS = 8
UNKNOWN_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidClientTokenId"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
BUSY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "ThrottlingException", "500", "503"}
SKEWED = {"RequestTimeTooSkewed"}
FORBIDDEN = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}
ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
UNREACHABLE = (EndpointConnectionError, ConnectTimeoutError, ConnectionClosedError, HTTPClientError)
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class AwsError(UserError):
    """A service of AWS did not do what was asked; whether it will next time is open."""


class ChangedError(AwsError):
    """Somebody else wrote an object between our reading and our writing it."""


def _settings() -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


@lru_cache(maxsize=4)
def _session(_settings: tuple[tuple[str, str], ...]) -> boto3.Session:
    return boto3.Session()


def _config(connections: int = 10) -> Config:
    # what the user says of it by a variable of boto3's own holds
    retries: dict[str, Any] = {} if os.environ.get("AWS_RETRY_MODE") else {"mode": "standard"}
    if not os.environ.get("AWS_MAX_ATTEMPTS"):
        retries["total_max_attempts"] = ATTEMPTS
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=connections,
        retries=cast("Any", retries),
    )


@lru_cache(maxsize=4)
def _s3(settings: tuple[tuple[str, str], ...]) -> "S3Client":
    # one connection a thread of an upload, and one for the lease
    return _session(settings).client("s3", config=_config(connections=16))


def s3_client() -> "S3Client":
    """Give the client of S3, at `AWS_ENDPOINT_URL_S3` where that is set."""
    with told("S3"):
        return _s3(_settings())


@lru_cache(maxsize=4)
def _glue(settings: tuple[tuple[str, str], ...]) -> "GlueClient":
    return _session(settings).client("glue", config=_config())


def glue_client() -> "GlueClient":
    """Give the client of the Glue catalog, at `AWS_ENDPOINT_URL_GLUE` where that is set."""
    with told("Glue"):
        return _glue(_settings())


@lru_cache(maxsize=4)
def _athena(settings: tuple[tuple[str, str], ...]) -> "AthenaClient":
    return _session(settings).client("athena", config=_config())


def athena_client() -> "AthenaClient":
    """Give the client of Athena, at `AWS_ENDPOINT_URL_ATHENA` where that is set."""
    with told("Athena"):
        return _athena(_settings())


def read_secret(name: str) -> str:
    """Read a text from AWS Secrets Manager.

    Args:
        name: Name or ARN of the secret.

    Raises:
        AwsError: When it is not there or must not be read; the text itself is in no message.
    """
    with told(f"the secret {name}"):
        client = _session(_settings()).client("secretsmanager", config=_config())
        return str(client.get_secret_value(SecretId=name).get("SecretString", ""))


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """Turn what AWS answers in a `with` block into one sentence.

    Args:
        place: What is worked on, such as `s3://bucket/prefix`.

    Raises:
        AwsError: When a service cannot be reached or refuses; `ChangedError` when it refuses a conditional write.
    """
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AwsError(
            f"{place}: there are no complete AWS credentials ({error}); set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        ) from None
    except ProfileNotFound as error:
        raise AwsError(f"{place}: {error}; check AWS_PROFILE") from None
    except NoRegionError:
        raise AwsError(f"{place}: no AWS region is set; set AWS_REGION, for example to eu-west-2") from None
    except UNREACHABLE as error:
        raise AwsError(f"{place} cannot be reached: {error}; check the network and AWS_ENDPOINT_URL") from None
    except RetriesExceededError:
        raise AwsError(
            f"{place} cannot be read: it breaks off again and again; check the network, then run again"
        ) from None
    except S3UploadFailedError as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _refusal(place, cause) from None
        raise AwsError(f"{place}: {error}; run again") from None
    except ClientError as error:
        raise _refusal(place, error) from None
    except BotoCoreError as error:
        raise AwsError(f"{place}: {error}; run again") from None


@dataclass(frozen=True)
class Access:
    """What another program than boto3 needs to read S3 as boto3 would.

    Attributes:
        key_id, secret, session_token: Credentials; the token is None for those that never expire.
        region: Of the requests.
        host: Host and port of the store.
        is_encrypted: Whether it speaks https.
        url_style: `vhost` where the bucket's name is in the host's, else `path`.
    """

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(repr=False)
    region: str
    host: str
    is_encrypted: bool
    url_style: str


def read_access(place: object) -> Access:
    """Read from boto3's chain how it would reach S3.

    Args:
        place: What is going to be read, for messages.

    Raises:
        AwsError: When there are no credentials, or they cannot be had.
    """
    client = s3_client()
    with told(str(place)):
        credentials = _session(_settings()).get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
        if frozen is None or frozen.access_key is None or frozen.secret_key is None:
            raise NoCredentialsError
    address = urlsplit(client.meta.endpoint_url)
    return Access(
        key_id=frozen.access_key,
        secret=frozen.secret_key,
        session_token=frozen.token,
        region=client.meta.region_name,
        host=address.netloc,
        is_encrypted=address.scheme == "https",
        url_style="vhost" if address.netloc.endswith(AWS_DOMAINS) else "path",
    )


def _refusal(place: str, error: ClientError) -> AwsError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in CHANGED:
        return ChangedError(f"{place} was written by another run meanwhile; run again when that has ended")
    for codes, sentence in (
        ({"NoSuchBucket"}, f"the bucket of {place} does not exist; create it, or name another LAKE"),
        (UNKNOWN_KEY, f"{place}: the AWS credentials are wrong ({code}); check AWS_PROFILE or AWS_ACCESS_KEY_ID"),
        (EXPIRED, f"{place}: the AWS credentials have expired; log in again, then run again"),
        (BUSY, f"{place}: {error.operation_name} is refused again and again ({code}); run again later"),
        (SKEWED, f"{place}: the clock of this machine is wrong by more than AWS allows; set it, then run again"),
        (FORBIDDEN, f"{place}: {error.operation_name} is not allowed with these credentials; see docs/aws-policy.md"),
        (ELSEWHERE, f"{place} is in another region ({message}); set AWS_REGION to the bucket's"),
    ):
        if code in codes:
            return AwsError(sentence)
    failure = f"{place}: {error.operation_name} failed: {code} {message}".rstrip()
    return AwsError(f"{failure}; look the code up in the documentation of AWS, then run again")
