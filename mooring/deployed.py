"""What is deployed, read straight from a stack's state: no engine, no lock, no passphrase.

The state is Pulumi's checkpoint in its file backend (`.pulumi/stacks/<project>/<stack>.json`). Writers replace it in
one step, so a reader sees a whole one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers import paths
from providers.errors import MooringError, NotFound, did_you_mean

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Marks a special value in a checkpoint; here a secret, which is left out."""


@dataclass(frozen=True)
class Deployed:
    """One stack as its state tells it. `endpoints` maps a name to the outputs of the endpoint's resource."""

    stack: str
    outputs: dict[str, Any]
    endpoints: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, root: Path, stack: str, *, emulate: bool = False) -> Deployed:
        """The state of `stack` of the project at `root`.

        Raises `NotFound` when it has none here, `MooringError` when it cannot be read.
        """
        place = paths.private(root) / "emulated" / stack if emulate else paths.private(root)
        found = sorted((place / "backend" / ".pulumi" / "stacks").glob(f"*/{stack}.json"))
        if not found:
            raise NotFound(_not_deployed(place, stack, emulate))
        try:
            document = json.loads(found[0].read_bytes())
        except (OSError, ValueError) as cause:
            raise MooringError(
                f"the state of stack '{stack}' cannot be read ({cause}); `mooring up --stack {stack}` restores it "
                "from its backup"
            ) from cause
        latest = (document.get("checkpoint") or {}).get("latest") or {}
        return cls._of(stack, latest.get("resources") or [])

    @classmethod
    def _of(cls, stack: str, resources: list[dict[str, Any]]) -> Deployed:
        outputs: dict[str, Any] = {}
        endpoints: dict[str, dict[str, Any]] = {}
        for resource in resources:
            if resource.get("delete"):
                continue
            values = _plain(resource.get("outputs") or {})
            if resource["type"] == "pulumi:pulumi:Stack":
                outputs = values
            elif resource["type"] == "moor:index:Endpoint":
                endpoints[resource["urn"].rpartition("::")[2]] = values
        return cls(stack, outputs, endpoints)

    def endpoint(self, name: str | None) -> tuple[str, dict[str, Any]]:
        """Name and outputs of one endpoint; the name may be None when there is only one. Raises `NotFound`."""
        names = sorted(self.endpoints)
        if name is None and len(names) == 1:
            return names[0], self.endpoints[names[0]]
        if not names:
            raise NotFound(f"stack '{self.stack}' has no endpoint deployed")
        if name is None:
            raise NotFound(f"stack '{self.stack}' has several endpoints, say which: {', '.join(names)}")
        if name not in self.endpoints:
            raise NotFound(f"stack '{self.stack}' has no endpoint '{name}'{did_you_mean(name, names)}")
        return name, self.endpoints[name]


def _plain(value: Any) -> Any:
    """A checkpoint's value without its secrets."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return None
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _not_deployed(place: Path, stack: str, emulate: bool) -> str:
    names = [] if emulate else [file.stem for file in (place / "backend" / ".pulumi" / "stacks").glob("*/*.json")]
    near = did_you_mean(stack, sorted(names)) if names else ""
    flag = " --emulate" if emulate else ""
    return f"stack '{stack}' is not deployed from this project{near}; `mooring up --stack {stack}{flag}` deploys it"
