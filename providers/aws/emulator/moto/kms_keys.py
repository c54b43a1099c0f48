"""Keys that may not be used: disabled ones, and those that wait to be deleted. moto lets everybody use them.

A key that waits is gone when its days are over, in compressed time.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.clock import compressed
from providers.aws.emulator.errors import ApiError, validation
from providers.aws.emulator.moto.asked import Asked

LEAST_DAYS, MOST_DAYS, DEFAULT_DAYS = 7, 30, 30
_DAY = 86400.0
_KEY_ID_LENGTH = 36
_KEY_ARN = re.compile(rf"arn:aws:kms:(?P<region>[a-z0-9-]+):{ACCOUNT}:key/(?P<id>[\w-]+)")
_MEMBERS = ("KeyId", "DestinationKeyId", "SourceKeyId", "TargetKeyId")

_WHEN_PENDING = {
    "CancelKeyDeletion", "DeleteAlias", "DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases",
    "ListGrants", "ListKeyPolicies", "ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "RetireGrant",
    "RevokeGrant",
}  # fmt: skip
_WHEN_DISABLED = _WHEN_PENDING | {
    "CreateAlias", "DisableKey", "EnableKey", "GetPublicKey", "ScheduleKeyDeletion", "TagResource", "UntagResource",
    "UpdateAlias", "UpdateKeyDescription",
}  # fmt: skip
"""Operations that are allowed in these states (the table of key states in KMS's guide for developers)."""


def check(asked: Asked) -> None:
    """Raise ApiError for a use of a key that its state does not allow."""
    backend = _backend(asked.region)
    _remove_overdue(backend)
    given = asked.json()
    _name_plainly(asked, given)
    keys = [key for member in _MEMBERS if (key := _find(backend, str(given.get(member) or ""))) is not None]
    if asked.operation in ("Decrypt", "ReEncrypt") and (key := _encrypting(backend, given)) is not None:
        keys.append(key)
    for key in keys:
        if key.key_state == "PendingDeletion" and asked.operation not in _WHEN_PENDING:
            raise ApiError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if key.key_state == "Disabled" and asked.operation not in _WHEN_DISABLED:
            raise ApiError("DisabledException", f"{key.arn} is disabled.")
        if key.key_state != "PendingDeletion" and asked.operation == "CancelKeyDeletion":
            raise ApiError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    if asked.operation == "ScheduleKeyDeletion" and keys:
        days = int(given.get("PendingWindowInDays") or DEFAULT_DAYS)
        _check_days(days)
        keys[0].mooring_gone_at = time.time() + compressed(days * _DAY)


def use(region: str, key_id: str) -> None:
    """What S3 and others do when they are told to encrypt with a key: raise ApiError, with their prefix, if they may
    not."""
    backend = _backend(region)
    _remove_overdue(backend)
    if key_id.startswith("alias/aws/") or (key_id.startswith("arn:") and f":{ACCOUNT}:" not in key_id):
        return
    key = _find(backend, key_id)
    if key is None:
        shown = key_id if key_id.startswith("arn:") else f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"
        raise ApiError("KMS.NotFoundException", f"Key '{shown}' does not exist")
    if key.key_state == "PendingDeletion":
        raise ApiError("KMS.KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if key.key_state == "Disabled":
        raise ApiError("KMS.DisabledException", f"{key.arn} is disabled.")


def check_for_logs(region: str, key_id: str) -> None:
    """Raise ApiError when CloudWatch Logs cannot encrypt with a key."""
    try:
        use(region, key_id)
    except ApiError as error:
        reason = "The specified KMS Key Id could not be found or is not enabled."
        raise ApiError("InvalidParameterException", reason) from error


def _backend(region: str) -> Any:
    from moto.kms.models import kms_backends

    return kms_backends[ACCOUNT][region]


def _remove_overdue(backend: Any) -> None:
    now = time.time()
    for key in list(backend.keys.values()):
        if key.key_state == "PendingDeletion" and getattr(key, "mooring_gone_at", now + 1) <= now:
            backend.delete_key(key.id)


def _find(backend: Any, key_id: str) -> Any:
    """The key of an id, an ARN, an alias or an alias' ARN; None when there is none."""
    name = key_id.rpartition(":")[2] if key_id.startswith("arn:") else key_id
    if not name.startswith("alias/"):
        return backend.keys.get(name.removeprefix("key/"))
    return next((key for key in backend.keys.values() if name in key.aliases), None)


def _encrypting(backend: Any, given: dict[str, Any]) -> Any:
    """The key that something was encrypted with: moto puts its id in front."""
    try:
        blob = base64.b64decode(str(given.get("CiphertextBlob") or ""), validate=True)
        return backend.keys.get(blob[:_KEY_ID_LENGTH].decode())
    except (binascii.Error, UnicodeDecodeError):
        return None


def _name_plainly(asked: Asked, given: dict[str, Any]) -> None:
    """moto knows a key's ARN in some operations only."""
    found = _KEY_ARN.fullmatch(str(given.get("KeyId") or ""))
    if found and found["region"] == asked.region:
        given["KeyId"] = found["id"]
        asked.replace(json.dumps(given).encode())


def _check_days(days: int) -> None:
    if LEAST_DAYS <= days <= MOST_DAYS:
        return
    bound = f"greater than or equal to {LEAST_DAYS}" if days < LEAST_DAYS else f"less than or equal to {MOST_DAYS}"
    raise validation(
        f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )
