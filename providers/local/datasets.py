"""Datasets on this machine: a copy in the store for each content.

`<home>/datasets/<id>.json` is the record: owner, claimed, spec, uri.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import InvalidInput, NotFound, Problem, Unavailable, did_you_mean
from providers.local import checks, records
from providers.local.home import component, new_id, owned_by, owner_record, valid_id
from providers.local.storage import Store, disk_room
from providers.local.store.hashes import content_hash
from providers.values import DatasetSpec, DatasetState, Scoped, Value

_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class DatasetKind:
    """`Dataset` on this machine."""

    spec: ClassVar[type[Scoped]] = DatasetSpec
    state: ClassVar[type[Value]] = DatasetState

    def __init__(self, home: Path) -> None:
        self.home, self.base, self.store = home, home / "datasets", Store(home)

    def check(self, spec: DatasetSpec, context: Context) -> tuple[DatasetSpec, Sequence[Problem]]:
        """Hash the source, and list what is wrong with it."""
        problems = checks.scope_problems(spec)
        source = context.root / spec.source
        if reason := _source_problem(spec, source):
            problems.append(Problem("source", reason))
        if problems:
            return spec, problems
        try:
            digest = content_hash(self.home, source)
        except InvalidInput as error:
            return spec, [Problem("source", str(error))]
        return spec.model_copy(update={"source_hash": digest}), ()

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Datasets with these tags, newest first."""
        mine = [record for record in self._all() if owned_by(record, owner)]
        mine.sort(key=lambda record: str(record["created"]), reverse=True)
        return [Found(record["id"], Ownership(**record["owner"]), record["claimed"], True) for record in mine]

    def create(self, spec: DatasetSpec, context: Context) -> str:
        """Write the dataset down; `wait` copies the data."""
        for found in self.find(context.owner):
            if not found.claimed and found.owner == context.owner:
                return found.id
        for found in self.find(context.owner):
            if not found.claimed:
                self.delete(found.id, context)
        id = new_id(spec.name)
        self._save(
            {
                "id": id,
                "owner": owner_record(context.owner),
                "claimed": False,
                "created": records.now(),
                "spec": spec.to_wire(),
                "uri": "",
            }
        )
        boundary("dataset:created")
        return id

    def wait(self, id: str, spec: DatasetSpec, context: Context) -> DatasetState:
        """Copy the data into the store; copying again what is there already changes nothing."""
        record = self._existing(id)
        source = context.root / spec.source
        if not source.exists():
            raise InvalidInput([Problem("source", f"{spec.source} does not exist any more")])
        size = sum(path.stat().st_size for path in ([source] if source.is_file() else source.rglob("*")))
        disk_room(self.home, size)
        stored = self.store.put(source, self._key(record), progress=_copying(context, id, size))
        if spec.source_hash and stored.digest != spec.source_hash:
            self.store.delete(stored.uri)
            raise Unavailable(f"{spec.source} changed while it was being deployed; run again")
        self._save(record | {"uri": stored.uri, "spec": spec.to_wire(), "owner": owner_record(context.owner)})
        boundary("dataset:stored")
        return self._state(stored.uri, record)

    def claim(self, id: str) -> None:
        """Mark the dataset as held by a state."""
        self._save(self._existing(id) | {"claimed": True})

    def read(self, id: str) -> tuple[DatasetSpec | None, DatasetState | None] | None:
        """Inputs and state; None when the record or the data is gone. Without a state the data was never copied."""
        record = self._record(id)
        if record is None or (record["uri"] and not self.store.exists(record["uri"])):
            return None
        spec = DatasetSpec.model_validate(record["spec"])
        return spec, self._state(record["uri"], record) if record["uri"] else None

    def update(self, id: str, old: Mapping[str, Any], new: DatasetSpec, context: Context) -> DatasetState:
        """Keep the new content as a further version."""
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Remove all versions, then the record."""
        record = self._record(id)
        if record is not None:
            self.store.delete_key(self._key(record))
            self._path(id).unlink(missing_ok=True)
            records.remove_empty(self.base, self.home)

    def _state(self, uri: str, record: Mapping[str, Any]) -> DatasetState:
        stored = self.store.stat(uri)
        versions = self.store.versions(self._key(record))
        return DatasetState(uri=uri, version=stored.digest, bytes=stored.bytes, files=stored.files, versions=versions)

    def _key(self, record: Mapping[str, Any]) -> str:
        owner = record["owner"]
        return "/".join([component(owner["project"]), component(owner["stack"]), "datasets", record["id"]])

    def _path(self, id: str) -> Path:
        return self.base / f"{id}.json"

    def _all(self) -> list[dict[str, Any]]:
        return records.listed(self.base)

    def _record(self, id: str) -> dict[str, Any] | None:
        return records.read(self._path(id)) if valid_id(id) else None

    def _existing(self, id: str) -> dict[str, Any]:
        record = self._record(id)
        if record is None:
            raise NotFound(f"dataset '{id}' is not on this machine (any more)")
        return record

    def _save(self, record: dict[str, Any]) -> None:
        records.write(self._path(record["id"]), record)


def _copying(context: Context, id: str, size: int) -> Callable[[int], None]:
    """Report how far a copy is, and give up when the user asks."""
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        context.check_cancelled(id)
        done += count
        context.progress(
            f"{done / 2**20:.1f} of {size / 2**20:.1f} MiB copied", min(1.0, done / size) if size else None
        )

    return progress


def _source_problem(spec: DatasetSpec, source: Path) -> str:
    """Why this source cannot be a dataset; empty when it can."""
    if not source.exists():
        siblings = sorted(path.name for path in source.parent.glob("*")) if source.parent.is_dir() else []
        return f"{spec.source} does not exist{did_you_mean(source.name, siblings)}"
    if source.is_dir():
        if spec.format not in (None, "folder", "csv", "parquet", "jsonl"):
            return f"{spec.source} is a folder"
        return "" if any(path.is_file() for path in source.rglob("*")) else f"the folder {spec.source} is empty"
    if spec.format == "folder":
        return f"{spec.source} is a file, and the format says that it is a folder"
    format = spec.format or _ENDINGS.get(source.suffix.lower())
    if format is None:
        return f"the ending of {spec.source} does not tell its format; set format to csv, parquet or jsonl"
    return _content_problem(spec.source, source, format)


def _content_problem(name: str, source: Path, format: str) -> str:
    if source.stat().st_size == 0:
        return f"{name} is empty" + (
            ": a CSV needs a line with the column names and one row at least" * (format == "csv")
        )
    with source.open("rb") as stream:
        head = stream.read(1 << 16)
    if format == "parquet" and not head.startswith(b"PAR1"):
        return f"{name} is not a Parquet file (it does not begin with PAR1)"
    if format == "csv":
        whole = len(head) < 1 << 16
        if not head.strip():
            return f"{name} is empty: a CSV needs a line with the column names and one row at least"
        if whole and len(head.strip().splitlines()) < 2:
            return f"{name} has a header and no rows"
    return ""
