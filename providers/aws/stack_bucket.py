"""A stack's bucket where nobody says which it is: the one that the foundation has tagged with project and stack.

Specs name the bucket. Whoever only knows a project and a stack (`Kind.find` of another tool) does not.
"""

from __future__ import annotations

import threading
from typing import Any

from providers.aws import session
from providers.aws.faults import code_of, is_absent, translated
from providers.aws.places import region_of
from providers.contract import Ownership

_NOT_OURS = ("NoSuchTagSet", "AccessDenied", "PermanentRedirect", "AuthorizationHeaderMalformed")
"""What S3 says of the tags of a bucket without any, of somebody else's, and of one in another region."""
_known: dict[tuple[str, str, str, str], str] = {}
_lock = threading.Lock()


def container_of(owner: Ownership) -> str:
    """The bucket of the owner's stack; empty where there is none, or its region is not known."""
    region = region_of(owner)
    if owner.container or not region:
        return owner.container
    key = (session.endpoint_url(), region, owner.project, owner.stack)
    with _lock:
        if key in _known:
            return _known[key]
    found = _tagged(region, owner)
    if found:  # one that is not there yet may be there the next time
        with _lock:
            _known[key] = found
    return found


def _tagged(region: str, owner: Ownership) -> str:
    s3 = session.client("s3", region)
    with translated("listing buckets"):
        names = [str(bucket["Name"]) for bucket in s3.list_buckets()["Buckets"]]
    # The foundation's names begin with the stack's, so that the first look is mostly the last.
    likely = f"{owner.project}-{owner.stack}-".lower()
    for name in sorted(names, key=lambda name: not name.startswith(likely)):
        tags = _tags(s3, name)
        if (tags.get("mooring:project"), tags.get("mooring:stack")) == (owner.project, owner.stack):
            return name
    return ""


def _tags(s3: Any, bucket: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    with translated(f"reading the tags of bucket {bucket}"):
        try:
            pairs = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
        except ClientError as error:
            if is_absent(error) or code_of(error) in _NOT_OURS:
                return {}
            raise
    return {pair["Key"]: pair["Value"] for pair in pairs}
