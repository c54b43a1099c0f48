"""Policies of buckets and keys, beside those of whoever asks."""

from __future__ import annotations

from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.moto import gates, policies
from providers.aws.emulator.moto.policies import Decision, Policy, Principal, Wanted

_HEADERS = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-acl")


def allows(wanted: Wanted, principal: Principal, own: Decision) -> bool:
    """Whether it is allowed in the end, where the principal's own policies say `own`.

    Within an account a bucket's policy may allow what they do not; a key's policy must name the principal, or leave
    it to the account's IAM.
    """
    kind = wanted.resource.split(":")[2] if wanted.resource.startswith("arn:") else ""
    document = _document(kind, wanted.resource)
    if own == "explicitDeny" or not document:
        return own == "allowed"
    policy = [Policy(wanted.resource, "resource", document)]
    whole = policies.decide(policy, wanted, principal).decision
    if whole == "explicitDeny":
        return False
    directly = policies.decide(policy, wanted, Principal(arn=principal.arn)).decision == "allowed"
    return directly or (own == "allowed" and (kind != "kms" or whole == "allowed"))


def install() -> None:
    """Have moto's S3 ask these policies, with their conditions. Once a process."""
    from moto.s3.models import FakeBucket

    FakeBucket.get_permission = _get_permission


def _get_permission(bucket: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import PermissionResult

    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = Policy(bucket.name, "resource", bucket.policy.decode())
    wanted = Wanted("s3:GetObject" if action == "s3:HeadObject" else action, resource, _context())
    results = {
        "allowed": PermissionResult.PERMITTED,
        "explicitDeny": PermissionResult.DENIED,
        "implicitDeny": PermissionResult.NEUTRAL,
    }
    return results[policies.decide([policy], wanted, _asker()).decision]


def _asker() -> Principal:
    from flask import request

    is_known = "Authorization" in request.headers or "Signature=" in request.url
    return Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT) if is_known else Principal()


def _context() -> dict[str, list[str]]:
    """Of the request that moto's S3 is answering. The loopback interface stands for TLS."""
    from flask import request

    sent = {f"s3:{name}": [request.headers[name]] for name in _HEADERS if name in request.headers}
    known = {"aws:principalaccount": [ACCOUNT]} if _asker().account else {}
    return {**sent, **known, "aws:securetransport": ["true"], "aws:sourceip": [request.remote_addr or "127.0.0.1"]}


def _document(kind: str, resource: str) -> str:
    if kind == "s3":
        from moto.s3.models import s3_backends

        with gates.of("s3").reading():
            bucket = s3_backends[ACCOUNT]["aws"].buckets.get(resource.split(":", 5)[5].partition("/")[0])
            return bucket.policy.decode() if bucket is not None and bucket.policy else ""
    if kind == "kms":
        from moto.kms.models import kms_backends

        with gates.of("kms").reading():
            key = kms_backends[ACCOUNT][resource.split(":")[3]].keys.get(resource.rpartition("/")[2])
            return str(key.policy) if key is not None and key.policy else ""
    return ""
