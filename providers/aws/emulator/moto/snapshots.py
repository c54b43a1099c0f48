"""Files that hold moto's state: one a service, account and region, written whole, read when the service is touched.

`<folder>/state/<service>/<account>/<region>.pickle`, a line that names moto's version and then the pickle;
`<folder>/objects/`, `metrics/` and `log-events/` have what is never written twice. A file that cannot be read is
set aside and told, the rest loads.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from providers.aws.emulator.moto import contents, pickling

_MARK = b"mooring moto "
_SUFFIX = ".pickle"


class Key(NamedTuple):
    """One backend: moto's name of the service, the account, and the region (`aws` for a service that has none)."""

    service: str
    account: str
    region: str


class Taken(NamedTuple):
    """A backend at one moment: as bytes, the files of its service's store that it refers to, and those it does not."""

    key: Key
    data: bytes
    files: set[str]
    unused: set[str]


class Snapshots:
    """The files of one emulator. `services` are those that are kept."""

    def __init__(self, folder: Path, services: frozenset[str]) -> None:
        self._folder, self._services = folder / "state", services
        self._hashes: dict[Key, bytes] = {}
        self._files: dict[Key, set[str]] = {}
        self._lock = threading.Lock()

    def written(self, key: Key) -> bool:
        """Whether there is a file of it, as far as this process knows."""
        return key in self._hashes

    def take(self, key: Key, backend: Any) -> Taken:
        """A backend as it is now. Nobody may change it meanwhile. Raises what pickle raises."""
        before = contents.of(key.service).names() if contents.has_store(key.service) else set()
        data, files = pickling.dump(backend)
        return Taken(key, data, files, before - files)

    def write(self, taken: Taken) -> None:
        """Write it down, unless the file has it already. Raises OSError."""
        digest = hashlib.blake2b(taken.data).digest()
        with self._lock:
            if self._hashes.get(taken.key) != digest:
                _replace(self._file(taken.key), _header() + taken.data)
                self._hashes[taken.key] = digest
            if contents.has_store(taken.key.service):
                self._files[taken.key] = taken.files
                self._sweep(taken.key.service, taken.unused)

    def load(self, service: str, into: Any) -> None:
        """Put what is kept of a service into moto's dictionary of its backends."""
        if service not in self._services:
            return
        for key in self._kept(service):
            backend = self._read(key)
            if backend is not None:
                into[key.account][key.region] = backend

    def services_kept(self) -> set[str]:
        """The services that something is kept of."""
        return {folder.name for folder in self._folder.glob("*") if folder.name in self._services}

    def _kept(self, service: str) -> Iterator[Key]:
        for file in sorted((self._folder / service).glob(f"*/*{_SUFFIX}")):
            yield Key(service, file.parent.name, file.name.removesuffix(_SUFFIX))

    def _read(self, key: Key) -> Any:
        file = self._file(key)
        try:
            header, _, data = file.read_bytes().partition(b"\n")
            if not header.startswith(_MARK):
                raise ValueError("it is not a file of moto's state")
            backend = pickling.load(data)
            if Key(pickling.moto_name(backend), backend.account_id, backend.region_name) != key:
                raise ValueError("it holds the state of something else")
        except Exception as error:  # noqa: BLE001 - whatever a damaged pickle raises
            aside = file.with_name(f"{file.name}.damaged-{time.time():.0f}")
            os.replace(file, aside)
            _tell(f"the state of {key.service} in {key.region} cannot be read and was set aside as {aside}: {error!r}")
            return None
        self._hashes[key] = hashlib.blake2b(data).digest()
        return backend

    def _file(self, key: Key) -> Path:
        return self._folder / key.service / key.account / f"{key.region}{_SUFFIX}"

    def _sweep(self, service: str, names: set[str]) -> None:
        """Remove the files among `names` that no backend of the service refers to, once it is known of all."""
        keys = [key for key in self._hashes if key.service == service]
        if all(key in self._files for key in keys):
            contents.of(service).remove(names.difference(*(self._files[key] for key in keys)))


def _header() -> bytes:
    import moto

    version: str = moto.__version__
    return _MARK + version.encode() + b"\n"


def _replace(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    new.write_bytes(data)
    os.replace(new, file)


def _tell(sentence: str) -> None:
    print(f"mooring: {sentence}", file=sys.stderr, flush=True)
