"""Datasets in S3: one prefix for each content, and a record beside them.

::

    s3://<bucket>/mooring/<project>/<stack>/datasets/<name>/record.json        owner, claimed, spec, uri, size
                                                           /data/<64 hex>/…    a version, and its marker (contents.py)
                                                           /facts/<32 hex>/…   its schema.json and profile.json

The id is `<region>/<bucket>/mooring/…/<name>`. Files are hashed, fetched and looked into on this machine, as on the
local cloud, whose folder is the scratch space. Of a query or an API the record holds nothing that may be secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from providers.aws import checks
from providers.aws.contents import Contents, Stored, uri_of
from providers.aws.dataset_facts import described
from providers.aws.naming import id_of, new_name, split
from providers.aws.objects import Objects, split_uri, stack_uri
from providers.aws.places import region_of
from providers.aws.stack_bucket import container_of
from providers.aws.uploads import moving
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import Cancelled, InvalidInput, NotFound, Problem
from providers.local import ingest, records
from providers.local.dataset_checks import source_problems
from providers.local.home import local_home, owned_by, owner_record, staging
from providers.local.store.hashes import content_hash
from providers.values import DatasetSpec, DatasetState, Scoped, Value

_AT_ONCE = 16


class DatasetKind:
    """`Dataset` on AWS. `home` is the local cloud's folder, `cache` that of its environments."""

    spec: ClassVar[type[Scoped]] = DatasetSpec
    state: ClassVar[type[Value]] = DatasetState

    def __init__(self, home: Path | None = None, cache: Path | None = None) -> None:
        self.home, self.cache = home or local_home(), cache

    def check(self, spec: DatasetSpec, context: Context) -> tuple[DatasetSpec, Sequence[Problem]]:
        """Hash the source, and list what is wrong with it."""
        problems = [*checks.scope_problems(spec), *source_problems(spec, context.root, None)]
        if spec.url:
            problems += checks.address_problems(spec.url, "url")
        if problems or not spec.source:
            return spec, problems
        try:
            digest = content_hash(self.home, context.root / spec.source)
        except InvalidInput as error:
            return spec, [Problem("source", str(error))]
        return spec.model_copy(update={"source_hash": digest}), ()

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """In another bucket it is another dataset."""
        if "container" not in changes.update:
            return changes
        update = tuple(path for path in changes.update if path != "container")
        return replace(changes, update=update, replace=(*changes.replace, "container"))

    def find(self, owner: Ownership) -> list[Found]:
        """Datasets with these tags in the owner's bucket, newest first; none where it is not known."""
        region, container = region_of(owner), container_of(owner)
        if not container:
            return []
        objects, base = Objects(region), stack_uri(container, owner, "datasets")
        try:
            names = list(objects.folders(base))
        except NotFound:  # the bucket is gone, or not there yet
            return []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            told = list(pool.map(lambda name: objects.read_json(f"{base}{name}/record.json"), names))
        mine = [record for record in told if record is not None and owned_by(record, owner)]
        mine.sort(key=lambda record: str(record["created"]), reverse=True)
        return [Found(record["id"], Ownership(**record["owner"]), record["claimed"], True) for record in mine]

    def create(self, spec: DatasetSpec, context: Context) -> str:
        """Write the dataset down; `wait` brings the data."""
        left = [found for found in self.find(context.owner) if not found.claimed]
        for found in left:
            if found.owner == context.owner:
                return found.id
        for found in left:
            self.delete(found.id, context)
        base = stack_uri(spec.container, context.owner, "datasets", new_name(spec.name))
        id = id_of(spec.region, base.removeprefix("s3://").rstrip("/"))
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
        """Have the data in the bucket, checked and described. Doing it again for what is there changes nothing."""
        record = self._existing(id)
        context.check_cancelled(id)
        try:
            told = self._brought(id, record, spec, context)
        except Cancelled as error:
            raise Cancelled(str(error), id=id) from None
        told |= {"spec": _kept(spec), "fetched": _fetch_hash(id, spec), "owner": owner_record(context.owner)}
        self._save((self._record(id) or record) | told)
        boundary("dataset:stored")
        return self._state(record | told)

    def _brought(self, id: str, record: Mapping[str, Any], spec: DatasetSpec, context: Context) -> dict[str, Any]:
        """The data, described and uploaded: `uri`, `size`, and the facts of the content."""
        if spec.url:
            return self._taken(id, spec, spec.url, context)
        if spec.source:
            source = context.root / spec.source
            if not source.exists():
                raise InvalidInput([Problem("source", f"{spec.source} does not exist any more")])
            return self._put(id, spec, source, spec.source_hash or "", context)
        contents = self._contents(id)
        if record["uri"] and record.get("fetched") == _fetch_hash(id, spec) and contents.find(record["uri"]):
            return {key: record[key] for key in ("uri", "size", "stored")}
        target = staging(self.home)
        try:
            ingest.fetch(self.home, self.cache, spec, target, context)
            return self._put(id, spec, target, "", context)
        finally:
            records.remove_tree(target)

    def _put(self, id: str, spec: DatasetSpec, source: Path, digest: str, context: Context) -> dict[str, Any]:
        """Describe local data, then upload it: what is wrong with it is told before."""
        found = content_hash(self.home, source)
        size = self._described(id, spec, found, lambda: source, context)
        total = sum(path.stat().st_size for path in ([source] if source.is_file() else source.rglob("*")))
        base = f"{_base(id)}data/"
        stored = self._contents(id).put(source, base, digest=digest or found, progress=moving(context, id, total))
        return {"uri": uri_of(base, stored.digest), "size": size, "stored": _facts(stored)}

    def _taken(self, id: str, spec: DatasetSpec, url: str, context: Context) -> dict[str, Any]:
        """Data that stands in S3 and stays there: its digest is computed by reading it."""
        contents = self._contents(id)
        place = url if url.endswith("/") or contents.objects.exists(url) else f"{url}/"
        context.progress(f"reading {place}", None)
        stored = contents.find(place) or contents.measured(place)
        scratch = staging(self.home)

        def fetched() -> Path:
            contents.download(place, scratch)
            names = list(scratch.rglob("*"))
            return names[0] if stored.files == 1 and len(names) == 1 else scratch

        try:
            size = self._described(id, spec, stored.digest, fetched, context)
        finally:
            records.remove_tree(scratch)
        return {"uri": place, "size": size, "stored": _facts(stored)}

    def _described(
        self, id: str, spec: DatasetSpec, digest: str, data: Callable[[], Path], context: Context
    ) -> dict[str, Any]:
        return described(self._contents(id).objects, self.facts(id, digest), self.home, self.cache, spec, data, context)

    def facts(self, id: str, digest: str) -> str:
        """The address below which `schema.json` and `profile.json` of one version are."""
        return f"{_base(id)}facts/{digest.removeprefix('sha256:')[:32]}/"

    def claim(self, id: str) -> None:
        """Mark the dataset as held by a state."""
        self._save(self._existing(id) | {"claimed": True})

    def read(self, id: str) -> tuple[DatasetSpec | None, DatasetState | None] | None:
        """Inputs and state; None when the record or the data is gone. Without a state the data was never brought."""
        record = self._record(id)
        if record is None:
            return None
        spec = None if record.get("fetched") else DatasetSpec.model_validate(record["spec"])
        if not record["uri"]:
            return spec, None
        contents = self._contents(id)
        is_ours = record["uri"].startswith(_base(id))
        is_there = contents.find(record["uri"]) is not None if is_ours else contents.objects.exists(record["uri"])
        return (spec, self._state(record)) if is_there else None

    def update(self, id: str, old: Mapping[str, Any], new: DatasetSpec, context: Context) -> DatasetState:
        """Keep the new content as a further version."""
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Remove all versions, then the record. What a `url` named stays."""
        try:
            base = _base(id)
        except (NotFound, InvalidInput):
            return
        objects = Objects(split(id)[0])
        for part in ("data/", "facts/"):
            objects.delete(base + part)
        objects.delete(f"{base}record.json")

    def _state(self, record: Mapping[str, Any]) -> DatasetState:
        id, stored = record["id"], record["stored"]
        versions = self._contents(id).versions(f"{_base(id)}data/") or [stored["digest"]]
        return DatasetState(
            uri=record["uri"],
            version=stored["digest"],
            bytes=stored["bytes"],
            files=stored["files"],
            versions=versions,
            **record.get("size", {}),
        )

    def _contents(self, id: str) -> Contents:
        return Contents(split(id)[0], self.home)

    def _record(self, id: str) -> dict[str, Any] | None:
        try:
            place = f"{_base(id)}record.json"
        except (NotFound, InvalidInput):
            return None
        return Objects(split(id)[0]).read_json(place)

    def _existing(self, id: str) -> dict[str, Any]:
        record = self._record(id)
        if record is None:
            raise NotFound(f"dataset '{id}' is not in its bucket (any more)")
        return record

    def _save(self, record: dict[str, Any]) -> None:
        Objects(split(record["id"])[0]).write_json(f"{_base(record['id'])}record.json", record)


def _base(id: str) -> str:
    """The address of all of a dataset. Raises NotFound, InvalidInput for what cannot be an id."""
    uri = f"s3://{split(id)[1]}/"
    parts = split_uri(uri)[1].rstrip("/").split("/")
    if len(parts) != 5 or parts[0] != "mooring" or parts[3] != "datasets" or not all(parts):
        raise NotFound(f"'{id}' is not the id of a dataset")
    return uri


def _facts(stored: Stored) -> dict[str, Any]:
    return {"digest": stored.digest, "bytes": stored.bytes, "files": stored.files}


def _kept(spec: DatasetSpec) -> dict[str, Any]:
    """The spec as the record holds it: without what may be secret."""
    return {key: value for key, value in spec.to_wire().items() if key not in ("sql", "http")}


def _fetch_hash(id: str, spec: DatasetSpec) -> str:
    """Stands in the record for what was fetched, and from where; empty for what is not fetched."""
    if not spec.sql and not spec.http:
        return ""
    fetched = spec.model_dump_json(by_alias=True, include={"sql", "http", "as_of", "requirements"})
    return hashlib.sha256(f"{id} {fetched}".encode()).hexdigest()
