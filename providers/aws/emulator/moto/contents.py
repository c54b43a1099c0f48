"""What is written once and never changed: the bytes of each S3 object, blocks of metrics and of log events."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

STREAMED = 1 << 16
"""Objects of more bytes than this are read as they are sent, and only where they are asked for."""
_BLOCK = 1 << 20


class Contents:
    """The folder of the files, and which of them there are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._written: set[str] = set()

    @cached_property
    def _found(self) -> set[str]:
        """Names that an earlier emulator left."""
        return {file.name for file in self.folder.glob("??/*")}

    def write(self, value: bytes) -> Content:
        """Keep these bytes."""
        if not value:
            return Content("", 0)
        name = uuid.uuid4().hex
        file = self.path(name)
        with self._lock:
            self._written.add(name)
        try:
            file.write_bytes(value)
        except FileNotFoundError:  # the first of its folder
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(value)
        return Content(name, len(value))

    def path(self, name: str) -> Path:
        """The file of that name."""
        return self.folder / name[:2] / name

    def names(self) -> set[str]:
        """All that there are."""
        with self._lock:
            return self._found | self._written

    def read(self, content: Content) -> bytes:
        """All of its bytes. Raises OSError when the file is not there."""
        return self.path(content.name).read_bytes() if content.size else b""

    def remove(self, names: set[str]) -> None:
        """Remove files that nothing refers to any more."""
        for name in names:
            self.path(name).unlink(missing_ok=True)
        with self._lock:
            self._found.difference_update(names)
            self._written.difference_update(names)


@dataclass(frozen=True)
class Content:
    """Bytes that are kept: the name of their file (none for no bytes at all), and how many they are."""

    name: str
    size: int

    def close(self) -> None:
        """Nothing: moto closes what it thinks is a temporary file of the object."""

    def __deepcopy__(self, memo: object) -> Content:
        return self


class Window:
    """Part of a file, read as it is iterated over: what moto takes for the bytes of an object that it sends."""

    def __init__(self, file: Path, start: int, stop: int) -> None:
        self._file, self._start, self._stop = file, start, stop
        self._open = file.open("rb", buffering=0)  # at once: the object may be deleted before it is sent

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, part: slice) -> Window:
        start, stop, _ = part.indices(len(self))
        return Window(self._file, self._start + start, self._start + max(start, stop))

    def __iter__(self) -> Iterator[bytes]:
        with self._open as file:
            file.seek(self._start)
            left = len(self)
            while left > 0:
                block = file.read(min(_BLOCK, left))
                if not block:
                    return
                left -= len(block)
                yield block

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()


_FOLDERS = {"s3": "objects", "logs": "log-events", "cloudwatch": "metrics"}
_stores: dict[str, Contents] = {}
_sending = threading.local()


def of(service: str) -> Contents:
    """The store of a service, by moto's name of it. Raises KeyError when it has none."""
    return _stores[service]


def has_store(service: str) -> bool:
    """Whether a service keeps something in files of their own."""
    return service in _FOLDERS


def place(folder: Path) -> None:
    """Have the services' stores below `folder`. Once a process."""
    _stores.update({service: Contents(folder / name) for service, name in _FOLDERS.items()})


def install() -> None:
    """Have moto's S3 keep its objects in files. Once a process."""
    from moto.s3.models import FakeDeleteMarker, FakeKey
    from moto.s3.responses import S3Response

    FakeDeleteMarker.dispose = lambda marker, garbage=False: None  # moto asks every version for it, and markers fail

    FakeKey.value = property(_value, _set_value)
    FakeKey.__getstate__, FakeKey.__setstate__ = _getstate, _setstate
    answer = S3Response.get_object

    def get_object(response: Any) -> Any:
        with _streaming():
            return answer(response)

    S3Response.get_object = get_object


def _value(key: Any) -> bytes | Window:
    content: Content = key._value_buffer
    if content.size > STREAMED and getattr(_sending, "now", False):
        return Window(of("s3").path(content.name), 0, content.size)
    return of("s3").read(content)


def _set_value(key: Any, value: bytes | str) -> None:
    raw = value.encode() if isinstance(value, str) else value
    key._value_buffer.close()
    key._value_buffer = of("s3").write(raw)
    key.contentsize = len(raw)
    if key._etag is None:
        key._etag = hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _getstate(key: Any) -> dict[str, Any]:
    state: dict[str, Any] = {name: value for name, value in vars(key).items() if name != "lock"}
    if key.disposed:  # a part of an upload that is complete
        state["_value_buffer"] = Content("", 0)
    return state


def _setstate(key: Any, state: dict[str, Any]) -> None:
    vars(key).update(state)
    key.lock = threading.Lock()


@contextmanager
def _streaming() -> Iterator[None]:
    _sending.now = True
    try:
        yield
    finally:
        _sending.now = False
