"""One call of SageMaker's control plane, and the table of those that there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import account
from providers.aws.emulator.state import State, Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker


@dataclass(frozen=True)
class Call:
    """An operation's request, checked against the service model, and what it may work with."""

    service: SageMaker
    operation: str
    region: str
    given: dict[str, Any]

    @property
    def state(self) -> State:
        """All that the emulator knows."""
        return self.service.state

    def arn(self, kind: str, name: str) -> str:
        """The ARN of `name` in this call's region."""
        return account.arn(self.region, kind, name)

    def new(self, arn_member: str, arn: str, **facts: Any) -> Thing:
        """The body of a new thing: what was given, its ARN, its times, and `facts`."""
        now = time.time()
        given = {name: value for name, value in self.given.items() if name != "Tags"}
        return {**given, arn_member: arn, "CreationTime": now, "LastModifiedTime": now, **facts}


Handler = Callable[[Call], dict[str, Any] | None]
OPERATIONS: dict[str, Handler] = {}
"""Operation name to what answers it. An operation that is not in here is not emulated."""


def operation(name: str) -> Callable[[Handler], Handler]:
    """Enter a function into the table."""

    def enter(handler: Handler) -> Handler:
        if name in OPERATIONS:
            raise ValueError(f"{name} is answered twice")
        OPERATIONS[name] = handler
        return handler

    return enter
