"""What the tests of the local cloud share: contexts, tiny jobs, a training script that needs no packages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.contract import Adapter, Context, Ownership
from providers.local import create
from providers.local.jobs.job_records import JobRecord, JobSpec, Step
from providers.local.jobs.jobs import Jobs
from providers.values import Channel, CodeSpec, DatasetSpec, ModelSpec, ModelVersionSpec, TrainingSpec

ROWS = "a,b,label\n" + "".join(f"{i},{i * i % 7},{'x' if i % 2 else 'y'}\n" for i in range(40))

SCRIPT = """
import hashlib, json, os, sys
model = os.environ["MOORING_MODEL_DIR"]
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
content = json.dumps(arguments, sort_keys=True).encode()
with open(os.path.join(model, "weights.json"), "wb") as f:
    f.write(content)
manifest = {"kind": "mooring-model", "format": 1, "files": {"weights.json": hashlib.sha256(content).hexdigest()}}
with open(os.path.join(model, "mooring-model.json"), "w") as f:
    json.dump(manifest, f)
with open(os.environ["MOORING_METRICS_FILE"], "w") as f:
    json.dump({"accuracy": float(arguments.get("--accuracy", 0.9))}, f)
print("trained with", arguments)
"""
"""A user's training script: its artifact is decided by its arguments alone."""


class World:
    """One stack of one home, with a project of its own."""

    def __init__(self, home: Path, root: Path, stack: str = "dev", project: str = "proj") -> None:
        self.adapter: Adapter = create(home / "local")
        self.home, self.root, self.stack, self.project = home / "local", root, stack, project
        self.said: list[str] = []

    def context(self, urn: str, inputs: str = "1") -> Context:
        """A context for one resource."""
        return Context(Ownership(self.project, self.stack, urn, inputs), self.root, lambda m, f: self.said.append(m))

    def other(self, stack: str) -> World:
        """Another stack of the same home and project."""
        return World(self.home.parent, self.root, stack, self.project)

    def make(self, kind: Any, spec: Any, urn: str, inputs: str = "1") -> tuple[str, Any]:
        """Check, create, wait and claim: the id and the state."""
        context = self.context(urn, inputs)
        spec, problems = kind.check(spec, context)
        assert list(map(str, problems)) == []
        id = kind.create(spec, context)
        state = kind.wait(id, spec, context)
        kind.claim(id)
        return id, state

    def dataset(self, content: str = ROWS, name: str = "rows") -> tuple[str, Any]:
        """A dataset out of one CSV file."""
        (self.root / f"{name}.csv").write_text(content)
        return self.make(self.adapter.dataset, DatasetSpec(cloud="local", name=name, source=f"{name}.csv"), f"d:{name}")

    def model(self, name: str = "m", **policy: Any) -> tuple[str, Any]:
        """A model group."""
        return self.make(self.adapter.model, ModelSpec(cloud="local", name=name, **policy), f"m:{name}")

    def training(self, uri: str, script: str = SCRIPT, model: str = "m", **fields: Any) -> TrainingSpec:
        """A run of a user's script."""
        (self.root / "code").mkdir(exist_ok=True)
        (self.root / "code" / "train.py").write_text(script)
        return TrainingSpec(
            cloud="local",
            name=model,
            model=model,
            channels={"train": Channel(uri=uri)},
            code=CodeSpec(source="code", entry_point="train.py"),
            **fields,
        )

    def version(self, run: Any, model: str = "m", **fields: Any) -> ModelVersionSpec:
        """A version out of a run."""
        values = {"artifact": run.artifact, "digest": run.digest, "metrics": run.metrics} | fields
        return ModelVersionSpec(cloud="local", name=model, model=model, **values)

    def files(self) -> list[str]:
        """All files and folders of the home, relative."""
        return sorted(path.relative_to(self.home).as_posix() for path in self.home.rglob("*"))


def job(
    jobs: Jobs, id: str, code: str, *, limit: float = 30, grace: float = 5, owner: dict[str, str] | None = None
) -> str:
    """Start a job that runs Python code."""
    work = jobs.folder(id) / "work"
    spec = JobSpec(
        id=id,
        kind="test",
        steps=(Step((sys.executable, "-u", "-c", code)),),
        environment={"MOORING_JOB_ID": id, "PATH": "/usr/bin:/bin"},
        cwd=str(work),
        folders=(str(work),),
        time_limit=limit,
        grace=grace,
        owner=owner or {"project": "p", "stack": "s", "urn": f"u:{id}", "inputs": "1"},
    )
    return jobs.start(spec)


def ended(jobs: Jobs, id: str, timeout: float = 40) -> JobRecord:
    """The job once it has ended."""
    record = jobs.wait(id, timeout)
    assert record.has_ended, record
    return record


def until(condition: Callable[[], Any], timeout: float = 20) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)
    return value
