"""The stand-in called as an engine calls it, in process."""

from __future__ import annotations

from typing import Any

from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_types import Checked, Live, Target
from infra.engine.values.diffs import Diff
from providers.aws.standin.servicer import AwsStandin

REGION = "eu-west-1"
PROVIDER_URN = "urn:pulumi:dev::proj::pulumi:providers:aws::aws"


class Engine:
    """One configured provider, and what it has made."""

    def __init__(self, url: str, region: str = REGION) -> None:
        self.provider = Provider(AwsStandin(), "aws")
        self.provider.handshake()
        self.provider.configure(PROVIDER_URN, "id", {"region": region, "endpoints": f'[{{"s3": "{url}"}}]'})
        self._made: list[tuple[str, Live]] = []

    def target(self, token: str, name: str = "it", id: str = "") -> Target:
        return Target(f"urn:pulumi:dev::proj::{token}::{name}", id)

    def check(self, token: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> Checked:
        return self.provider.check(self.target(token), olds or {}, inputs, b"seed")

    def create(self, token: str, inputs: dict[str, Any], name: str = "it") -> Live:
        """Check and Create."""
        checked = self.check(token, inputs)
        assert not checked.failures, checked.failures
        live = self.provider.create(self.target(token, name), checked.inputs, preview=False)
        live = Live(live.id, live.outputs, checked.inputs)
        self._made.append((token, live))
        return live

    def diff(self, token: str, live: Live, inputs: dict[str, Any]) -> Diff:
        new = self.check(token, inputs, dict(live.inputs or {})).inputs
        return self.provider.diff(self.target(token, id=live.id), live.inputs or {}, live.outputs, new)

    def update(self, token: str, live: Live, inputs: dict[str, Any]) -> Live:
        new = self.check(token, inputs, dict(live.inputs or {})).inputs
        target = self.target(token, id=live.id)
        done = self.provider.update(target, live.inputs or {}, live.outputs, new, (), preview=False)
        return Live(done.id, done.outputs, new)

    def read(self, token: str, live: Live) -> Live | None:
        """As a refresh reads it."""
        return self.provider.read(self.target(token, id=live.id), live.inputs, live.outputs)

    def import_(self, token: str, id: str) -> Live | None:
        return self.provider.read(self.target(token, id=id), None, {})

    def delete(self, token: str, live: Live) -> None:
        self.provider.delete(self.target(token, id=live.id), live.inputs or {}, live.outputs)

    def clean(self) -> None:
        """Delete what is still there, last first."""
        for token, live in reversed(self._made):
            self.delete(token, live)
