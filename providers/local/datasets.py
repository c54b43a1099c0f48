"""Datasets on this machine: a copy in the store for each content.

`<home>/datasets/<id>.json` is the record: owner, claimed, spec, uri, size. Of a query or an API it holds nothing that
may be secret, only a hash. `<home>/datasets/<id>/<version>/` has `schema.json` and `profile.json` of each version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import Cancelled, InvalidInput, NotFound, Problem, Unavailable
from providers.local import checks, ingest, records
from providers.local.dataset_checks import source_problems
from providers.local.home import component, new_id, owned_by, owner_record, staging, valid_id
from providers.local.storage import Store, disk_room
from providers.local.store.hashes import content_hash
from providers.values import DatasetSpec, DatasetState, Scoped, Value


class DatasetKind:
    """`Dataset` on this machine."""

    spec: ClassVar[type[Scoped]] = DatasetSpec
    state: ClassVar[type[Value]] = DatasetState

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self.cache, self.base, self.store = home, cache, home / "datasets", Store(home)

    def check(self, spec: DatasetSpec, context: Context) -> tuple[DatasetSpec, Sequence[Problem]]:
        """Hash the source, and list what is wrong with it."""
        problems = [*checks.scope_problems(spec), *source_problems(spec, context.root, self.store)]
        if problems or not spec.source:
            return spec, problems
        try:
            digest = content_hash(self.home, context.root / spec.source)
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
                "spec": _kept(spec),
                "uri": "",
            }
        )
        boundary("dataset:created")
        return id

    def wait(self, id: str, spec: DatasetSpec, context: Context) -> DatasetState:
        """Have the data in the store, checked and described. Doing it again for what is there changes nothing."""
        record = self._existing(id)
        before = self.store.versions(self._key(record))
        uri = spec.url or (self._copied if spec.source else self._fetched)(id, record, spec, context)
        try:
            size = self._described(id, spec, uri, context)
        except InvalidInput:
            if not spec.url and self.store.stat(uri).digest not in before:
                self.store.delete(uri)
            raise
        told = {"uri": uri, "size": size, "spec": _kept(spec), "fetched": _fetch_hash(id, spec)}
        self._save(record | told | {"owner": owner_record(context.owner)})
        boundary("dataset:stored")
        return self._state(uri, record | told)

    def _copied(self, id: str, record: Mapping[str, Any], spec: DatasetSpec, context: Context) -> str:
        """Copy a file or folder of the project."""
        source = context.root / spec.source
        if not source.exists():
            raise InvalidInput([Problem("source", f"{spec.source} does not exist any more")])
        size = sum(path.stat().st_size for path in ([source] if source.is_file() else source.rglob("*")))
        disk_room(self.home, size)
        stored = self.store.put(source, self._key(record), progress=_copying(context, id, size))
        if spec.source_hash and stored.digest != spec.source_hash:
            self.store.delete(stored.uri)
            raise Unavailable(f"{spec.source} changed while it was being deployed; run again")
        return stored.uri

    def _fetched(self, id: str, record: Mapping[str, Any], spec: DatasetSpec, context: Context) -> str:
        """Take a snapshot of a query or an API, unless there is one of this very spec."""
        if record["uri"] and record.get("fetched") == _fetch_hash(id, spec) and self.store.exists(record["uri"]):
            return str(record["uri"])
        target = staging(self.home)
        try:
            ingest.fetch(self.home, self.cache, spec, target, context)
            uri = self.store.put(target, self._key(record), link=True).uri
        except Cancelled as error:
            raise Cancelled(str(error), id=id) from None
        finally:
            records.remove_tree(target)
        return uri

    def _described(self, id: str, spec: DatasetSpec, uri: str, context: Context) -> dict[str, Any]:
        """Rows and columns, where the data is a table; its schema and profile stand in `facts` afterwards."""
        facts = self.facts(id, uri)
        wanted = {"schema": spec.column_types, "format": spec.format, "delimiter": spec.delimiter}
        known = records.read(facts / "options.json")
        if known is not None and known["options"] == wanted:
            return dict(known["size"])
        try:
            size = ingest.describe(self.home, self.cache, spec, self.store.path(uri), facts, context) or {}
        except Cancelled as error:
            raise Cancelled(str(error), id=id) from None
        records.write(facts / "options.json", {"options": wanted, "size": size})
        return size

    def facts(self, id: str, uri: str) -> Path:
        """The folder with `schema.json` and `profile.json` of one version."""
        return self.base / id / self.store.stat(uri).digest.removeprefix("sha256:")[:32]

    def claim(self, id: str) -> None:
        """Mark the dataset as held by a state."""
        self._save(self._existing(id) | {"claimed": True})

    def read(self, id: str) -> tuple[DatasetSpec | None, DatasetState | None] | None:
        """Inputs and state; None when the record or the data is gone. Without a state the data was never copied."""
        record = self._record(id)
        if record is None or (record["uri"] and not self.store.exists(record["uri"])):
            return None
        spec = None if record.get("fetched") else DatasetSpec.model_validate(record["spec"])
        return spec, self._state(record["uri"], record) if record["uri"] else None

    def update(self, id: str, old: Mapping[str, Any], new: DatasetSpec, context: Context) -> DatasetState:
        """Keep the new content as a further version."""
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Remove all versions, then the record."""
        record = self._record(id)
        if record is not None:
            self.store.delete_key(self._key(record))
            records.remove_tree(self.base / id)
            self._path(id).unlink(missing_ok=True)
            records.remove_empty(self.base, self.home)

    def _state(self, uri: str, record: Mapping[str, Any]) -> DatasetState:
        stored = self.store.stat(uri)
        versions = self.store.versions(self._key(record))
        return DatasetState(
            uri=uri,
            version=stored.digest,
            bytes=stored.bytes,
            files=stored.files,
            versions=versions,
            **record.get("size", {}),
        )

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


def _kept(spec: DatasetSpec) -> dict[str, Any]:
    """The spec as the record holds it: without what may be secret."""
    return {key: value for key, value in spec.to_wire().items() if key not in ("sql", "http")}


def _fetch_hash(id: str, spec: DatasetSpec) -> str:
    """Stands in the record for what was fetched, and from where; empty for what is not fetched."""
    if not spec.sql and not spec.http:
        return ""
    fetched = spec.model_dump_json(by_alias=True, include={"sql", "http", "as_of", "requirements"})
    return hashlib.sha256(f"{id} {fetched}".encode()).hexdigest()


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
