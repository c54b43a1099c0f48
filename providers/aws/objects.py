"""Objects in S3: addresses, listings, small JSON files, removal. Folders by their content are `contents.py`.

An address is `s3://<bucket>/<key>`; one that ends in `/` names all that is below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from providers.aws import session
from providers.aws.faults import is_absent, translated
from providers.contract import Ownership
from providers.errors import InvalidInput, NotFound

_URI = re.compile(r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.+)$")
_MOST_AT_ONCE = 1000
"""Objects that one request removes."""


@dataclass(frozen=True)
class Listed:
    """One object below a prefix: its name relative to that, and its size in bytes."""

    name: str
    bytes: int


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an address. Raises InvalidInput for what is none."""
    found = _URI.match(uri)
    if found is None:
        raise InvalidInput(f"'{uri}' is not an address in S3 (s3://<bucket>/<key>)")
    return found["bucket"], found["key"]


def component(text: str) -> str:
    """`text` as one part of a key: reversible, and never `.` or `..`."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted


def stack_uri(container: str, owner: Ownership, *parts: str) -> str:
    """The address, with a `/` at its end, below which a stack keeps what these parts name."""
    whole = "/".join(component(part) for part in ("mooring", owner.project, owner.stack, *parts))
    return f"s3://{container}/{whole}/"


class Objects:
    """The objects that one region's client reaches. Any method raises what `faults.translated` says."""

    def __init__(self, region: str) -> None:
        self.region = region

    @property
    def s3(self) -> Any:
        """The client of boto3."""
        return session.client("s3", self.region)

    def listed(self, uri: str) -> Iterator[Listed]:
        """All objects below a prefix, by key. An empty folder's own placeholder (`…/`) is left out."""
        bucket, prefix = split_uri(uri)
        with translated(f"listing {uri}"):
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):
                        yield Listed(item["Key"][len(prefix) :], item["Size"])

    def folders(self, uri: str) -> Iterator[str]:
        """Names of what stands directly below a prefix and has something below itself."""
        bucket, prefix = split_uri(uri)
        with translated(f"listing {uri}"):
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
            for page in pages:
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"][len(prefix) :].rstrip("/")

    def exists(self, uri: str) -> bool:
        """Whether there is an object at this address, or any below it where it ends in `/`."""
        if uri.endswith("/"):
            return next(self.listed(uri), None) is not None
        bucket, key = split_uri(uri)
        try:
            self.s3.head_object(Bucket=bucket, Key=key)
        except Exception as error:
            if is_absent(error):
                return False
            with translated(f"reading {uri}"):
                raise
        return True

    def read(self, uri: str) -> bytes:
        """One object, whole. Raises NotFound."""
        bucket, key = split_uri(uri)
        with translated(f"reading {uri}"):
            content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return content

    def read_json(self, uri: str) -> dict[str, Any] | None:
        """A JSON object; None when it is absent. Raises InvalidInput for anything else."""
        try:
            found = json.loads(self.read(uri))
        except NotFound:
            return None
        except ValueError as error:
            raise InvalidInput(f"{uri} is not JSON ({error}); was it changed by hand?") from error
        if not isinstance(found, dict):
            raise InvalidInput(f"{uri} does not hold a JSON object; was it changed by hand?")
        return found

    def write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        """Write one small object. S3 shows it whole or not at all."""
        bucket, key = split_uri(uri)
        with translated(f"writing {uri}"):
            self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def write_json(self, uri: str, value: dict[str, Any]) -> None:
        """Write a JSON object."""
        self.write(uri, json.dumps(value, indent=1).encode(), "application/json")

    def delete(self, uri: str) -> None:
        """Remove one object, or all below an address that ends in `/`; silent when they are gone, or their bucket is.

        In a versioned bucket the old versions stay until the bucket's lifecycle removes them.
        """
        bucket, key = split_uri(uri)
        try:
            if not uri.endswith("/"):
                self._delete(bucket, [key])
                return
            keys: list[str] = []
            with translated(f"listing {uri}"):
                for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                    keys += [item["Key"] for item in page.get("Contents", ())]
            for at in range(0, len(keys), _MOST_AT_ONCE):
                self._delete(bucket, keys[at : at + _MOST_AT_ONCE])
        except NotFound:
            return

    def _delete(self, bucket: str, keys: list[str]) -> None:
        with translated(f"removing s3://{bucket}/{keys[0]}"):
            wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
            errors = self.s3.delete_objects(Bucket=bucket, Delete=wanted).get("Errors", [])
        if errors:
            first = errors[0]
            raise InvalidInput(f"removing s3://{bucket}/{first['Key']}: {first.get('Message') or first.get('Code')}")
