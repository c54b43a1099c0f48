"""Operations that moto lacks, and what follows on some that it has, by the names of service and operation.

A module that has more to add enters it here.
"""

from __future__ import annotations

from collections.abc import Callable

from providers.aws.emulator.messages import Reply
from providers.aws.emulator.moto import budgets, log_keys, s3_rules, scalable_targets, simulation
from providers.aws.emulator.moto.asked import Asked

_SCALING = "application-autoscaling"

OWN: dict[tuple[str, str], Callable[[Asked], Reply]] = {
    ("iam", "SimulatePrincipalPolicy"): simulation.simulate_principal,
    ("iam", "SimulateCustomPolicy"): simulation.simulate_custom,
    ("logs", "AssociateKmsKey"): log_keys.associate,
    ("logs", "DisassociateKmsKey"): log_keys.disassociate,
    (_SCALING, "ListTagsForResource"): scalable_targets.list_tags,
    (_SCALING, "TagResource"): scalable_targets.tag,
    (_SCALING, "UntagResource"): scalable_targets.untag,
    **{("budgets", name): answer for name, answer in budgets.OPERATIONS.items()},
}
"""What answers instead of moto."""

AFTER: dict[tuple[str, str], Callable[[Asked], None]] = {
    ("budgets", "CreateBudget"): budgets.created,
    (_SCALING, "RegisterScalableTarget"): scalable_targets.registered,
    (_SCALING, "DeregisterScalableTarget"): scalable_targets.deregistered,
}
"""What is done after moto has answered, and not with an error."""


def answer(asked: Asked) -> Reply | None:
    """Our answer; None where it is moto's to answer."""
    if asked.service == "s3":
        return s3_rules.request_payment(asked)
    own = OWN.get((asked.service, asked.operation))
    return own(asked) if own is not None else None


def follow(asked: Asked) -> None:
    """Do what follows on moto's answer."""
    after = AFTER.get((asked.service, asked.operation))
    if after is not None:
        after(asked)
