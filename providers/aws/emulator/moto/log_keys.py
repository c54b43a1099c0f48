"""logs:AssociateKmsKey and logs:DisassociateKmsKey, which moto lacks."""

from __future__ import annotations

from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, as_json
from providers.aws.emulator.moto import gates, kms_keys
from providers.aws.emulator.moto.asked import Asked


def associate(asked: Asked) -> Reply:
    """AssociateKmsKey: of a log group, by its name or its ARN."""
    group = _group(asked)
    key = str(asked.json().get("kmsKeyId") or "")
    with gates.of("kms").changing():
        kms_keys.check_for_logs(asked.region, key)
    group.kms_key_id = key
    return as_json({})


def disassociate(asked: Asked) -> Reply:
    """DisassociateKmsKey."""
    _group(asked).kms_key_id = None
    return as_json({})


def _group(asked: Asked) -> Any:
    from moto.logs.models import logs_backends

    given = asked.json()
    name = given.get("logGroupName") or str(given.get("resourceIdentifier") or "").partition(":log-group:")[2]
    if not name:
        raise ApiError("InvalidParameterException", "Either logGroupName or resourceIdentifier must be specified.")
    group = logs_backends[ACCOUNT][asked.region].groups.get(name.removesuffix(":*"))
    if group is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    return group
