"""Files and folders in S3 by their content: one prefix for each digest, and a marker that is written last.

::

    s3://<bucket>/<base>/<64 hex>/…       the file, or the folder's files; this address is the content's `uri`
    s3://<bucket>/<base>/<64 hex>.json    the marker: digest, bytes, files, created, name (of one file)

Without its marker content is not there, however much of it is: an upload is complete or absent. Digests are those of
the local cloud (`training.artifact.digest`). What a job of AWS has written somewhere else is *sealed* by a marker
beside it: `…/output/model/` by `…/output/model.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from providers.aws.faults import translated
from providers.aws.objects import Objects, split_uri
from providers.aws.uploads import Progress, upload
from providers.boundaries import boundary
from providers.errors import InvalidInput, NotFound, Unavailable
from providers.local import records
from providers.local.store.hashes import content_hash
from training.artifact.digest import CHUNK

_AT_ONCE = 8
"""Files that are on their way at the same time."""
_LEFT_OUT = "run.json"
"""At the top of a folder: it holds what differs between two equal runs, and is no part of the digest."""


@dataclass(frozen=True)
class Stored:
    """Content that is whole. `uri` ends in `/`; `name` is the file's where it is one file."""

    uri: str
    digest: str
    bytes: int
    files: int
    name: str = ""


class Contents:
    """Content in the buckets of one region. `home` is where hashes of local files are remembered."""

    def __init__(self, region: str, home: Path) -> None:
        self.objects, self.home = Objects(region), home

    def put(self, source: Path, base: str, *, digest: str = "", progress: Progress = lambda count: None) -> Stored:
        """Keep a file or folder below `base` (`s3://…/`); the same content is kept once.

        `digest` is what it must have, as Check saw it. Raises InvalidInput for what cannot be read, Unavailable for
        what changes meanwhile.
        """
        found = content_hash(self.home, source)
        if digest and found != digest:
            raise Unavailable(f"{source} changed while it was being deployed; run again")
        uri = uri_of(base, found)
        if known := self.find(uri):
            return known
        try:
            sizes, hashes = upload(self.objects, source, uri, progress)
        except OSError as error:
            raise InvalidInput(f"{source} cannot be kept: {error}") from error
        is_file = source.is_file()
        if (f"sha256:{hashes[source.name]}" if is_file else joined_digest(hashes)) != found:
            self.objects.delete(uri)
            raise Unavailable(f"{source} changed while it was being deployed; run again")
        boundary("objects:uploaded")
        return self._mark(Stored(uri, found, sum(sizes.values()), len(sizes), source.name if is_file else ""))

    def find(self, uri: str) -> Stored | None:
        """What is whole at an address; None where nothing is."""
        meta = self.objects.read_json(marker(uri))
        if meta is None:
            return None
        return Stored(folder(uri), meta["digest"], int(meta["bytes"]), int(meta["files"]), meta.get("name") or "")

    def stat(self, uri: str) -> Stored:
        """What is whole at an address. Raises NotFound, InvalidInput."""
        found = self.find(uri)
        if found is None:
            raise NotFound(
                f"there is nothing (whole) at {uri}; a refresh (`mooring up --refresh`) finds out what is gone and "
                "makes it again"
            )
        return found

    def versions(self, base: str) -> list[str]:
        """Digests of all that is whole below `base`, oldest first."""
        names = [item.name for item in self.objects.listed(base) if "/" not in item.name and is_marker(item.name)]
        metas = [meta for name in names if (meta := self.objects.read_json(base + name))]
        return [meta["digest"] for meta in sorted(metas, key=lambda meta: str(meta["created"]))]

    def seal(self, uri: str, digest: str = "") -> Stored:
        """Mark what a job has written below `uri` as whole; its digest is computed where it is not known.

        Raises NotFound where there is nothing.
        """
        if known := self.find(uri):
            return known
        listed = list(self.objects.listed(folder(uri)))
        if not listed:
            raise NotFound(f"there is nothing below {uri}")
        return self._mark(
            Stored(folder(uri), digest or self.digest_of(uri), sum(item.bytes for item in listed), len(listed))
        )

    def measured(self, uri: str) -> Stored:
        """Digest and size of the object at `uri`, or of the folder below one that ends in `/`, by reading all of it.

        Nothing is written. Raises NotFound where there is nothing.
        """
        if uri.endswith("/"):
            listed = list(self.objects.listed(uri))
            if not listed:
                raise NotFound(f"there is nothing below {uri}")
            return Stored(uri, self.digest_of(uri), sum(item.bytes for item in listed), len(listed))
        listed = [item for item in self.objects.listed(uri) if not item.name]
        if not listed:
            raise NotFound(f"there is nothing at {uri}")
        return Stored(uri, f"sha256:{self._hex(uri)}", listed[0].bytes, 1, PurePosixPath(uri).name)

    def digest_of(self, uri: str) -> str:
        """The digest of the folder below `uri`, by reading all of it."""
        names = [item.name for item in self.objects.listed(folder(uri)) if item.name != _LEFT_OUT]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return joined_digest(
                dict(zip(names, pool.map(lambda name: self._hex(folder(uri) + name), names), strict=True))
            )

    def download(self, uri: str, target: Path, progress: Progress = lambda count: None) -> Path:
        """Copy a folder's files, or the one object at `uri`, into the new folder `target`, and return that.

        Raises NotFound, InvalidInput.
        """
        bucket, prefix = split_uri(uri)
        if not uri.endswith("/") and self.objects.exists(uri):
            prefix, _, name = prefix.rpartition("/")
            prefix, names = f"{prefix}/" if prefix else "", [name]
        else:
            prefix = folder(prefix)
            names = [item.name for item in self.objects.listed(folder(uri))]
        if not names:
            raise NotFound(f"there is nothing below {uri}")
        for name in names:
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise InvalidInput(f"{uri}{name} is not a file's name")
            (target / name).parent.mkdir(parents=True, exist_ok=True)

        def fetch(name: str) -> None:
            with translated(f"reading {uri} ({name})"), records.translated(target):
                self.objects.s3.download_file(bucket, prefix + name, str(target / name), Callback=progress)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(fetch, names))
        return target

    def copy(self, uri: str, base: str) -> Stored:
        """Keep whole content below another `base` too, without a way through this machine. Raises NotFound."""
        source = self.stat(uri)
        target = uri_of(base, source.digest)
        if known := self.find(target):
            return known
        (from_bucket, from_prefix), (bucket, prefix) = split_uri(source.uri), split_uri(target)

        def duplicate(name: str) -> None:
            with translated(f"copying {source.uri}{name}"):
                self.objects.s3.copy({"Bucket": from_bucket, "Key": from_prefix + name}, bucket, prefix + name)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(duplicate, [item.name for item in self.objects.listed(source.uri)]))
        return self._mark(Stored(target, source.digest, source.bytes, source.files, source.name))

    def delete(self, uri: str) -> None:
        """Remove content, its marker first; silent when it is gone."""
        self.objects.delete(marker(uri))
        boundary("objects:unmarked")
        self.objects.delete(folder(uri))

    def _mark(self, stored: Stored) -> Stored:
        self.objects.write_json(
            marker(stored.uri),
            {
                "digest": stored.digest,
                "bytes": stored.bytes,
                "files": stored.files,
                "name": stored.name,
                "created": records.now(),
            },
        )
        boundary("objects:marked")
        return stored

    def _hex(self, uri: str) -> str:
        bucket, key = split_uri(uri)
        digest = hashlib.sha256()
        with translated(f"reading {uri}"):
            for chunk in self.objects.s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def uri_of(base: str, digest: str) -> str:
    """The address of content below a base."""
    return f"{folder(base)}{digest.removeprefix('sha256:')}/"


def folder(uri: str) -> str:
    """The address with a `/` at its end."""
    return uri.rstrip("/") + "/"


def marker(uri: str) -> str:
    """The address of the marker of what is at `uri`."""
    return uri.rstrip("/") + ".json"


def is_marker(name: str) -> bool:
    """Whether a name directly below a base is that of a marker."""
    return len(name) == len(".json") + 64 and name.endswith(".json")


def joined_digest(hashes: Mapping[str, str]) -> str:
    """The digest of a folder out of the hashes of its files (`training.artifact.digest.tree_digest`)."""
    lines = sorted(f"{name}\0{hex}\n" for name, hex in hashes.items() if name != _LEFT_OUT)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
