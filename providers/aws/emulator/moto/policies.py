"""What IAM's policies allow: explicit denial first, then what is allowed, else nothing.

moto's own evaluator knows no conditions but one, no `NotResource`, and denies where a condition does not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.aws.emulator.moto import conditions
from providers.aws.emulator.moto.conditions import Context, like, texts

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True)
class Policy:
    """A policy document by its name, and what kind it is in the words of IAM's simulator (`role`, `aws-managed`, …)."""

    name: str
    kind: str
    document: str = field(repr=False)

    def statements(self) -> list[Mapping[str, Any]]:
        """Its statements. Raises ValueError when it is not JSON or has none."""
        read = json.loads(self.document)
        found = read.get("Statement") if isinstance(read, dict) else None
        if not isinstance(found, dict | list):
            raise ValueError(f"the policy '{self.name}' has no Statement")
        return [found] if isinstance(found, dict) else found


@dataclass(frozen=True)
class Wanted:
    """An action on a resource, and the values of condition keys that come with the request."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The decision, the policies whose statements made it, and the condition keys that had no value."""

    decision: Decision
    matched: tuple[Policy, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Principal:
    """Who asks, for policies of resources and of trust: an ARN in an account, or a service."""

    arn: str = ""
    account: str = ""
    service: str = ""


def decide(policies: Iterable[Policy], wanted: Wanted, principal: Principal | None = None) -> Verdict:
    """What these policies say together. With a principal they are a resource's: it must be named in the statement."""
    allowing: list[Policy] = []
    denying: list[Policy] = []
    missing: dict[str, None] = {}
    for policy in policies:
        for statement in policy.statements():
            if not _concerns(statement, wanted) or (principal is not None and not names(statement, principal)):
                continue
            condition = statement.get("Condition") or {}
            missing |= {key: None for key in conditions.keys_of(condition) if key.lower() not in wanted.context}
            if conditions.hold(condition, wanted.context):
                (denying if statement.get("Effect") == "Deny" else allowing).append(policy)
    if denying:
        return Verdict("explicitDeny", _unique(denying), tuple(missing))
    if allowing:
        return Verdict("allowed", _unique(allowing), tuple(missing))
    return Verdict("implicitDeny", (), tuple(missing))


def names(statement: Mapping[str, Any], principal: Principal) -> bool:
    """Whether a statement's `Principal` (or `NotPrincipal`) takes this one in."""
    if "NotPrincipal" in statement:
        return not _is_among(statement["NotPrincipal"], principal)
    return "Principal" in statement and _is_among(statement["Principal"], principal)


def _is_among(element: Any, principal: Principal) -> bool:
    if element == "*":
        return True
    if not isinstance(element, dict):
        return False
    if principal.service:
        return any(like(pattern, principal.service) for pattern in texts(element.get("Service", [])))
    whole = {"*", principal.account, f"arn:aws:iam::{principal.account}:root", principal.arn} - {""}
    return not whole.isdisjoint(texts(element.get("AWS", [])))


def _concerns(statement: Mapping[str, Any], wanted: Wanted) -> bool:
    action = wanted.action.lower()
    if "NotAction" in statement:
        concerned = not _any_like(statement["NotAction"], action, lower=True)
    else:
        concerned = _any_like(statement.get("Action", []), action, lower=True)
    if not concerned:
        return False
    if "NotResource" in statement:
        return not _any_like(statement["NotResource"], wanted.resource, wanted.context)
    if "Resource" in statement:
        return _any_like(statement["Resource"], wanted.resource, wanted.context)
    return True  # a trust policy names none: it is the role's own


def _any_like(patterns: Any, value: str, context: Context | None = None, lower: bool = False) -> bool:
    shown = (_filled(pattern, context or {}) for pattern in texts(patterns))
    return any(like(pattern.lower() if lower else pattern, value) for pattern in shown)


def _filled(pattern: str, context: Context) -> str:
    """Variables replaced: `${aws:PrincipalAccount}`, `${aws:username, 'nobody'}`; an unknown one fits nothing."""

    def value(found: re.Match[str]) -> str:
        key, _, default = found[1].partition(",")
        values: Sequence[str] = context.get(key.strip().lower(), ())
        return values[0] if values else default.strip(" '") or found[0]

    return _VARIABLE.sub(value, pattern)


def _unique(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    return tuple(dict.fromkeys(policies))
