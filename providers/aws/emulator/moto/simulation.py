"""iam:SimulatePrincipalPolicy and iam:SimulateCustomPolicy, which moto lacks.

Of `ResourceHandlingOption` and `ResourceOwner` nothing is made: they change nothing for the services that are here.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply
from providers.aws.emulator.moto import policies, principals
from providers.aws.emulator.moto.asked import Asked
from providers.aws.emulator.moto.policies import Policy, Principal, Verdict, Wanted

_PAGE = 100
_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_ACTION = re.compile(r"[\w-]+:[\w*?-]+$")


def simulate_principal(asked: Asked) -> Reply:
    """What the policies of a user, group or role allow, with those of the request."""
    arn = asked.parameters.get("PolicySourceArn", "")
    holder = principals.holder(arn)
    given = _policies(asked, "PolicyInputList")
    boundary = _policies(asked, "PermissionsBoundaryPolicyInputList") or list(holder.boundary)
    return _reply(asked, [*holder.policies, *given], boundary, asked.parameters.get("CallerArn", arn))


def simulate_custom(asked: Asked) -> Reply:
    """What the policies of the request allow."""
    boundary = _policies(asked, "PermissionsBoundaryPolicyInputList")
    return _reply(asked, _policies(asked, "PolicyInputList"), boundary, asked.parameters.get("CallerArn", ""))


def _reply(asked: Asked, own: list[Policy], boundary: list[Policy], caller: str) -> Reply:
    context = _context(asked.parameters)
    wants = [
        Wanted(action, resource, context)
        for action in _members(asked.parameters, "ActionNames")
        for resource in _members(asked.parameters, "ResourceArns") or ["*"]
    ]
    for wanted in wants:
        if not _ACTION.match(wanted.action):
            raise ApiError("InvalidInput", f"Invalid Action Name: {wanted.action}")
    start = _number(asked.parameters.get("Marker") or "0")
    end = start + min(_number(asked.parameters.get("MaxItems") or str(_PAGE)), 1000)
    resource_policy = asked.parameters.get("ResourcePolicy", "")
    given = [Policy("ResourcePolicy", "resource", resource_policy)] if resource_policy else []
    results = "".join(_result(wanted, own, boundary, given, caller) for wanted in wants[start:end])
    more = f"<IsTruncated>true</IsTruncated><Marker>{end}</Marker>" if end < len(wants) else ""
    name = asked.operation
    body = (
        f'<{name}Response xmlns="{_NAMESPACE}"><{name}Result><EvaluationResults>{results}</EvaluationResults>'
        f"{more or '<IsTruncated>false</IsTruncated>'}</{name}Result>"
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    )
    return Reply(200, body.encode(), {"Content-Type": "text/xml"})


def _result(wanted: Wanted, own: list[Policy], boundary: list[Policy], given: list[Policy], caller: str) -> str:
    verdict = policies.decide(own, wanted)
    detail = ""
    if boundary:
        bound = policies.decide(boundary, wanted)
        is_allowed = "true" if bound.decision == "allowed" else "false"
        inside = f"<AllowedByPermissionsBoundary>{is_allowed}</AllowedByPermissionsBoundary>"
        detail = f"<PermissionsBoundaryDecisionDetail>{inside}</PermissionsBoundaryDecisionDetail>"
        if bound.decision != "allowed" and verdict.decision != "explicitDeny":
            verdict = Verdict(bound.decision, bound.matched, (*verdict.missing, *bound.missing))
    if given:
        verdict = _with_resource(verdict, policies.decide(given, wanted, Principal(caller, ACCOUNT)))
    matched = "".join(
        f"<member><SourcePolicyId>{escape(policy.name)}</SourcePolicyId>"
        f"<SourcePolicyType>{policy.kind}</SourcePolicyType></member>"
        for policy in verdict.matched
    )
    missing = "".join(f"<member>{escape(key)}</member>" for key in dict.fromkeys(verdict.missing))
    return (
        f"<member><EvalActionName>{escape(wanted.action)}</EvalActionName>"
        f"<EvalResourceName>{escape(wanted.resource)}</EvalResourceName>"
        f"<EvalDecision>{verdict.decision}</EvalDecision><MatchedStatements>{matched}</MatchedStatements>"
        f"<MissingContextValues>{missing}</MissingContextValues>{detail}</member>"
    )


def _with_resource(own: Verdict, resource: Verdict) -> Verdict:
    for decision in ("explicitDeny", "allowed"):
        found = [verdict for verdict in (own, resource) if verdict.decision == decision]
        if found:
            return found[0]
    return own


def _policies(asked: Asked, name: str) -> list[Policy]:
    given = _members(asked.parameters, name)
    found = [Policy(f"{name}.{number}", "none", text) for number, text in enumerate(given, 1)]
    for policy in found:
        try:
            policy.statements()
        except (ValueError, json.JSONDecodeError) as error:
            raise ApiError("InvalidInput", f"Syntax errors in policy: {error}") from error
    return found


def _context(parameters: Mapping[str, str]) -> dict[str, list[str]]:
    context = {"aws:principalaccount": [ACCOUNT]}
    number = 1
    while name := parameters.get(f"ContextEntries.member.{number}.ContextKeyName"):
        context[name.lower()] = _members(parameters, f"ContextEntries.member.{number}.ContextKeyValues")
        number += 1
    return context


def _members(parameters: Mapping[str, str], name: str) -> list[str]:
    """The values of a list, in their order."""
    found = []
    number = 1
    while (value := parameters.get(f"{name}.member.{number}")) is not None:
        found.append(value)
        number += 1
    return found


def _number(text: str) -> int:
    if not text.isdigit():
        raise ApiError("InvalidInput", f"Invalid value: {text}")
    return int(text)
