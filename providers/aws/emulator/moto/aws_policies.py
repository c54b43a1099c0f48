"""AWS's own managed policies (`AmazonSageMakerFullAccess`, …): 4 MB of them, so each is read when it is named."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.moto import gates
from providers.aws.emulator.moto.asked import Asked

PARTITION = "aws"
_ARN = re.compile(r"arn:aws:iam::aws:policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")
_LISTS = {"ListPolicies", "GetAccountAuthorizationDetails"}


def provide(asked: Asked) -> None:
    """Have moto's IAM know, from here on, those of AWS's policies that the request names or would list."""
    if asked.operation in _LISTS:
        if asked.parameters.get("Scope") != "Local":
            _add(set(_documents()))
        return
    if b"iam%3A%3Aaws%3Apolicy" in asked.body:
        _add({found[1] for value in asked.parameters.values() if (found := _ARN.fullmatch(value))})


def policy(name: str, account: str, partition: str, document: dict[str, Any] | None = None) -> Any:
    """moto's object for one of AWS's policies. Raises KeyError when AWS has none of that name."""
    from moto.iam.models import AWSManagedPolicy

    made = AWSManagedPolicy.from_data(name, account, partition, document or _documents()[name])
    made.id = f"ANPA{hashlib.sha256(name.encode()).hexdigest()[:17].upper()}"
    return made


def _add(names: set[str]) -> None:
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT][PARTITION]
    with gates.of("iam").changing():
        names = names - {one.name for one in backend.aws_managed_policies}
        documents = _documents() if names else {}
        for name in sorted(names & set(documents)):
            made = policy(name, ACCOUNT, PARTITION, documents[name])
            backend.managed_policies[made.arn] = made
            backend.aws_managed_policies.append(made)


@cache
def _documents() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    documents: dict[str, Any] = json.loads(aws_managed_policies_data)
    return documents
