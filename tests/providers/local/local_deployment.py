"""A deployment without an engine: `python local_deployment.py up|destroy HOME ROOT [STACK]`.

It does what engine and provider do together: a resource that the state names is left alone, another is found
unclaimed or created, waited for, written to the state and claimed; `destroy` deletes in reverse order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud_support import World

from providers.local import records
from providers.values import DatasetSpec, ModelSpec

ORDER = ("dataset", "model", "training_run", "model_version")


class Deployment:
    """One stack with a state file."""

    def __init__(self, home: Path, root: Path, stack: str) -> None:
        self.world = World(home, root, stack)
        self.path = root / "state.json"
        self.state: dict[str, Any] = records.read(self.path) or {}

    def up(self) -> dict[str, Any]:
        """Make all of it; what the resources are, told by what must not differ between two deployments."""
        data = self.resource("dataset", lambda: DatasetSpec(cloud="local", name="rows", source="rows.csv"))
        self.resource("model", lambda: ModelSpec(cloud="local", name="m"))
        run = self.resource("training_run", lambda: self.world.training(data.uri, hyperparameters={"n": 1}))
        version = self.resource("model_version", lambda: self.world.version(run))
        return {"data": data.version, "run": run.digest, "version": version.version, "digest": version.digest}

    def resource(self, name: str, spec_of: Callable[[], Any]) -> Any:
        """One resource, as the provider's Create does it."""
        kind = self.world.adapter.kind(name)
        assert kind is not None
        if name not in self.state:
            context = self.world.context(f"urn:{name}")
            spec, problems = kind.check(spec_of(), context)
            assert not problems, problems
            left = [found for found in kind.find(context.owner) if not found.claimed and found.usable]
            id = left[0].id if left else kind.create(spec, context)
            kind.wait(id, spec, context)
            self.save(self.state | {name: id})
        kind.claim(self.state[name])
        found = kind.read(self.state[name])
        assert found is not None
        return found[1]

    def destroy(self) -> None:
        """Delete all of it."""
        for name in reversed(ORDER):
            if name in self.state:
                kind = self.world.adapter.kind(name)
                assert kind is not None
                kind.delete(self.state[name], self.world.context(f"urn:{name}"))
                self.save({key: id for key, id in self.state.items() if key != name})

    def save(self, state: dict[str, Any]) -> None:
        """Write the state."""
        self.state = state
        records.write(self.path, state)


if __name__ == "__main__":
    verb, home, root = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    deployment = Deployment(home, root, (sys.argv[4:] or ["dev"])[0])
    print(json.dumps(deployment.up() if verb == "up" else deployment.destroy(), sort_keys=True))
