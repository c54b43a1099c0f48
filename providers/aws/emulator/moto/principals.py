"""moto's users, groups and roles, and the policies that they have. Callers hold the gate of IAM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto.policies import Policy

_ARN = re.compile(rf"arn:aws:iam::(?P<account>{ACCOUNT}):(?P<kind>user|group|role)/(?P<path>.*/)?(?P<name>[^/]+)$")


@dataclass(frozen=True)
class Holder:
    """Somebody who has policies; `boundary` is empty where there is none."""

    arn: str
    policies: tuple[Policy, ...]
    boundary: tuple[Policy, ...] = ()


def holder(arn: str) -> Holder:
    """Who has this ARN. Raises ApiError: `InvalidInput` for an ARN of something else, `NoSuchEntity`."""
    found = _ARN.match(arn)
    if found is None:
        raise ApiError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    kind, name = found["kind"], found["name"]
    thing = _find(kind, name, arn)
    if thing is None:
        raise ApiError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)
    policies = _own(thing, kind)
    if kind == "user":
        for group in _backend().groups.values():
            policies += _own(group, "group") if thing in group.users else []
    return Holder(arn, tuple(policies), tuple(_boundary(thing)))


def role(arn: str) -> Any:
    """moto's role of that ARN; None when there is none."""
    return _find("role", arn.rpartition("/")[2], arn)


def _backend() -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[ACCOUNT]["aws"]


def _find(kind: str, name: str, arn: str) -> Any:
    backend = _backend()
    things = {"user": backend.users, "group": backend.groups, "role": backend.roles}[kind]
    return next((one for one in list(things.values()) if one.name == name and one.arn == arn), None)


def _own(thing: Any, kind: str) -> list[Policy]:
    inline = thing.policies.items() if isinstance(thing.policies, dict) else []
    policies = [Policy(name, kind, _text(document)) for name, document in inline]
    for managed in thing.managed_policies.values():
        is_awss = managed.arn.startswith("arn:aws:iam::aws:")
        policies.append(Policy(managed.name, "aws-managed" if is_awss else "user-managed", _default(managed)))
    return policies


def _boundary(thing: Any) -> list[Policy]:
    arn = getattr(thing, "permissions_boundary_arn", None)
    managed = _backend().managed_policies.get(arn) if arn else None
    return [Policy(managed.name, "user-managed", _default(managed))] if managed is not None else []


def _default(managed: Any) -> str:
    return _text(next(version.document for version in managed.versions if version.is_default))


def _text(document: str) -> str:
    return unquote(document) if document.startswith("%7B") else document
