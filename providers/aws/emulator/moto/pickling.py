"""A backend of moto's to bytes and back: one service's state in one account and region.

moto's objects hold what Python cannot pickle (locks, private keys), and refer to other backends, which are kept on
their own. S3's objects and long lists refer to files (`contents.py`); AWS's own policies are kept by name.
"""

from __future__ import annotations

import importlib
import io
import pickle
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from providers.aws.emulator.moto import aws_policies
from providers.aws.emulator.moto.contents import Content
from providers.aws.emulator.moto.growing import Growing

_LOCKS: dict[type[Any], Callable[[], Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}


def dump(backend: Any) -> tuple[bytes, set[str]]:
    """The backend as bytes, and the names of the files in its service's store that it refers to.

    Raises what pickle raises for things that it cannot take, and RuntimeError when somebody changes them meanwhile.
    """
    out = io.BytesIO()
    pickler = _Pickler(out, backend)
    pickler.dump(backend)
    return out.getvalue(), pickler.files


def load(data: bytes) -> Any:
    """The backend out of bytes of ours."""
    return pickle.loads(data)


class _Pickler(pickle.Pickler):
    def __init__(self, out: io.BytesIO, root: Any) -> None:
        super().__init__(out, protocol=5)
        self._root, self._service = root, moto_name(root)
        self._ways: dict[type[Any], Callable[[Any], Any]] = {}
        self.files: set[str] = set()

    def reducer_override(self, thing: Any) -> Any:
        """What stands for things that are not taken as they are."""
        kind = type(thing)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = self._way(kind)
        return way(thing)

    def _way(self, kind: type[Any]) -> Callable[[Any], Any]:
        """How things of a type are taken; asked once a type, as it is called for every single object."""
        if kind is Content:
            return self._content
        if kind is Growing:
            return self._growing
        if kind in _LOCKS:
            return lambda lock: (_LOCKS[kind], ())
        if issubclass(kind, _backend_class()):
            return self._backend
        if kind.__name__ == "_VersionedKeyStore":  # a dict whose items are not all that it holds
            return lambda store: (_versioned_keys, (list(store.lists()),))
        if kind.__name__ == "AWSManagedPolicy":
            return _aws_policy
        if kind.__module__.startswith("cryptography.") and hasattr(kind, "private_bytes"):
            return lambda key: (_private_key, (_der(key),))
        return lambda thing: NotImplemented

    def _content(self, content: Content) -> Any:
        if content.name:
            self.files.add(content.name)
        return Content, (content.name, content.size)

    def _growing(self, things: Growing) -> Any:
        return Growing.joined, (self._service, *things.parts(self._service))

    def _backend(self, backend: Any) -> Any:
        if backend is self._root:
            return NotImplemented
        return other, (moto_name(backend), backend.account_id, backend.region_name)


def moto_name(backend: Any) -> str:
    """moto's name of the service that a backend belongs to."""
    return str(type(backend).__module__.split(".")[1])


def other(service: str, account: str, region: str) -> Any:
    """Another backend, as it is now."""
    from moto.backends import get_backend

    return get_backend(service)[account][region]


def _aws_policy(thing: Any) -> Any:
    state = {"attachment_count": thing.attachment_count}
    return aws_policies.policy, (thing.name, thing.account_id, thing.partition), state


def _versioned_keys(lists: list[tuple[str, list[Any]]]) -> Any:
    from moto.s3.utils import _VersionedKeyStore

    store = _VersionedKeyStore()
    for name, versions in lists:
        store.setlist(name, versions)
    return store


@cache
def _backend_class() -> type[Any]:
    base: type[Any] = importlib.import_module("moto.core.base_backend").BaseBackend
    return base


def _der(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    data: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return data


def _private_key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, password=None)
