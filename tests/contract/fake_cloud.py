"""A cloud of files: an adapter whose behaviour a test chooses, for the provider's own tests.

Everything is one JSON record a thing in a folder, so that it outlives the process that began it, as on a real
cloud. `overrides` choose what happens: `{"seconds": 2}` takes so long, `{"fail": "why"}` ends badly after that,
`{"partial": "why"}` is left unfinished once, `{"refuse": "why"}` fails before it begins, `{"crash": true}` is a
bug, `{"deaf": 9}` does not listen to a cancel for so many seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from providers.contract import KINDS, SPECS, STATES, Adapter, Changes, Context, Found, Ownership
from providers.errors import Cancelled, JobFailed, PartialFailure, Problem, RolledBack, Unavailable
from providers.values import ModelVersionState, Scoped, Value

RUNS = ("TrainingRun", "TuningRun", "BatchPrediction")


def digest_of(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class Records:
    """The things of the fake cloud, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, id: str) -> dict[str, Any] | None:
        path = self.folder / f"{id}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def save(self, id: str, record: Mapping[str, Any]) -> None:
        temporary = self.folder / f".{uuid.uuid4().hex}"
        temporary.write_text(json.dumps(record))
        os.replace(temporary, self.folder / f"{id}.json")

    def remove(self, id: str) -> None:
        (self.folder / f"{id}.json").unlink(missing_ok=True)

    def all(self) -> dict[str, dict[str, Any]]:
        found = {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}
        return dict(sorted(found.items(), key=lambda item: -item[1]["begun"]))

    def note(self, line: str) -> None:
        """Add to the log of calls."""
        with (self.folder / "calls.log").open("a") as log:
            log.write(line + "\n")

    def calls(self) -> list[str]:
        path = self.folder / "calls.log"
        return path.read_text().splitlines() if path.is_file() else []


class FakeKind:
    """One kind of the fake cloud."""

    def __init__(self, type_name: str, records: Records) -> None:
        self.name, self.records = type_name, records
        self.spec: type[Scoped] = SPECS[type_name]
        self.state: type[Value] = STATES[type_name]

    def check(self, spec: Any, context: Context) -> tuple[Any, Sequence[Problem]]:
        problems = [Problem("tags", "must not hold 'forbidden'")] if "forbidden" in spec.tags else []
        if self.name == "Dataset":
            path = context.root / spec.source
            if not path.is_file():
                return spec, [*problems, Problem("source", f"'{spec.source}' is not there")]
            spec = spec.model_copy(update={"source_hash": digest_of(path.read_text())})
        return spec, problems

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        found = []
        for id, record in self._mine().items():
            tags = Ownership(**record["owner"])
            if tags.stack == owner.stack and owner.urn in ("", tags.urn):
                usable = self._status(record) != "failed" and not record.get("retired")
                found.append(Found(id, tags, record["claimed"], usable))
        return found

    def create(self, spec: Any, context: Context) -> str:
        if spec.overrides.get("refuse"):
            raise Unavailable(str(spec.overrides["refuse"]))
        if spec.overrides.get("crash"):
            raise RuntimeError(f"bug with {spec.overrides['crash']}")
        id = f"{self.name.lower()}-{uuid.uuid4().hex[:8]}"
        record = {
            "kind": self.name,
            "owner": vars(context.owner),
            "claimed": False,
            "begun": time.time(),
            "spec": spec.to_wire(),
        }
        self.records.note(f"create {self.name} {id}")
        self.records.save(id, record)
        return id

    def wait(self, id: str, spec: Any, context: Context) -> Value:
        self._progress(id, spec, context)
        record = self._get(id)
        if spec.overrides.get("partial") and not record.get("tried"):
            self.records.save(id, {**record, "tried": True})
            raise PartialFailure(str(spec.overrides["partial"]), id=id)
        if self._status(record) == "failed":
            raise JobFailed(
                str(spec.overrides["fail"]), job=id, log_tail=f"line 1\nenv {dict(self._environment(spec))}"
            )
        return self._state(id, record)

    def _progress(self, id: str, spec: Any, context: Context) -> None:
        deaf = time.monotonic() + spec.overrides.get("deaf", 0)
        while time.monotonic() < deaf:
            time.sleep(0.02)
        while self._status(self._get(id)) == "running":
            context.check_cancelled(id)
            context.progress("working on it", 0.5)
            time.sleep(0.02)

    def claim(self, id: str) -> None:
        self.records.note(f"claim {self.name} {id}")
        record = self.records.load(id)
        if record:
            self.records.save(id, {**record, "claimed": True})

    def read(self, id: str) -> tuple[Any, Value] | None:
        record = self.records.load(id)
        if record is None or record.get("retired"):
            return None
        return self.spec.model_validate(record["spec"]), self._state(id, record)

    def update(self, id: str, old: Mapping[str, Any], new: Any, context: Context) -> Value:
        self.records.note(f"update {self.name} {id}")
        if new.overrides.get("roll_back"):
            raise RolledBack(str(new.overrides["roll_back"]))
        record = {**self._get(id), "spec": new.to_wire()}
        self.records.save(id, record)
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        self.records.note(f"delete {self.name} {id}")
        record = self.records.load(id)
        if record and self.name in (*RUNS, "ModelVersion"):
            self.records.save(id, {**record, "retired": True})
        elif record:
            self.records.remove(id)

    def versions(self, id: str) -> list[ModelVersionState]:
        versions = [record for record in self.records.all().values() if record["kind"] == "ModelVersion"]
        return [
            ModelVersionState(version=n, digest=digest_of(record["spec"]["artifact"]), uri="fake://")
            for n, record in enumerate(reversed(versions), 1)
        ]

    def _mine(self) -> dict[str, dict[str, Any]]:
        return {id: record for id, record in self.records.all().items() if record["kind"] == self.name}

    def _get(self, id: str) -> dict[str, Any]:
        record = self.records.load(id)
        if record is None:
            raise Cancelled("it was removed meanwhile")
        return record

    def _environment(self, spec: Any) -> Mapping[str, str]:
        return getattr(spec, "environment", {})

    def _status(self, record: Mapping[str, Any]) -> str:
        wishes = record["spec"].get("overrides", {})
        if time.time() - record["begun"] < wishes.get("seconds", 0):
            return "running"
        return "failed" if "fail" in wishes else "succeeded"

    def _state(self, id: str, record: Mapping[str, Any]) -> Value:
        spec, status = record["spec"], self._status(record)
        number = 1 + sum(r["begun"] < record["begun"] for r in self._mine().values())
        values: dict[str, dict[str, Any]] = {
            "Dataset": {"uri": f"fake://{id}", "version": spec.get("sourceHash"), "bytes": 1, "files": 1},
            "TrainingRun": {"run": id, "status": status, "artifact": f"fake://{id}", "digest": digest_of(id)},
            "TuningRun": {"run": id, "status": status, "artifact": f"fake://{id}", "digest": digest_of(id)},
            "Model": {"group": id},
            "ModelVersion": {"version": number, "digest": digest_of(spec.get("artifact", "")), "uri": f"fake://{id}"},
            "Endpoint": {
                "endpoint": id,
                "url": f"http://{id}",
                "predict_url": f"http://{id}/predict",
                "status": "healthy",
                "deployments": [
                    {k: d[k] for k in ("name", "model", "digest", "weight")} | {"version": 1}
                    for d in spec.get("deployments", ())
                ],
            },
            "BatchPrediction": {"run": id, "status": status, "output": f"fake://{id}", "rows": 3},
        }
        return self.state.model_validate(values[self.name])


def fake_adapter(folder: Path, *, cloud: str = "fake", without: Sequence[str] = ()) -> Adapter:
    """The fake cloud whose things are in `folder`, without the kinds named."""
    records = Records(folder)
    kinds = {KINDS[name]: FakeKind(name, records) for name in KINDS if name not in without}
    return Adapter(cloud, **kinds)  # type: ignore[arg-type]
