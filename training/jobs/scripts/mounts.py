"""`/opt/ml` for one process and its children: a folder shown at a fixed path in a mount namespace of their own.

Scripts and containers name `/opt/ml` in their text, and SageMaker's own toolkit gives it as the default. Where the
system allows it (Linux, root or user namespaces; see mount_namespaces(7), user_namespaces(7)), a job sees its folder
there and nobody else sees anything. Nothing is written to the system: a parent folder that lacks the last part of the
path is covered, in that namespace, by one in memory with the same entries.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18


def available(target: str) -> bool:
    """Whether a folder can be shown at `target`: tried in a child process, since a process cannot go back."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory(prefix="mount-") as folder:
        (Path(folder) / "shown").mkdir()
        child = os.fork()
        if child == 0:
            try:
                show(Path(folder) / "shown", target)
                os._exit(0 if os.path.samefile(Path(folder) / "shown", target) else 1)
            except BaseException:  # noqa: BLE001 - whatever it was, it does not work here
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def show(source: Path, target: str) -> None:
    """Have this process see the folder `source` at `target` from now on. Raises OSError where it may not.

    To be called in a process with one thread, before it becomes the program. A folder beside `source` is used.
    """
    aside = source.parent / f".{source.name}-aside"
    aside.mkdir(exist_ok=True)
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _NEW_MOUNTS | (_NEW_USER if user else 0))
    if user:  # the same user in a namespace of its own, in which it may mount
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    if not os.path.isdir(target):
        _cover(os.path.dirname(target), str(aside))
        os.mkdir(target)
    _mount(str(source), target, None, _BIND | _RECURSIVE)


def _cover(folder: str, aside: str) -> None:
    """Lay a folder in memory over `folder`, with the same entries."""
    _mount(folder, aside, None, _BIND | _RECURSIVE)
    _mount("tmpfs", folder, "tmpfs", 0)
    for entry in os.scandir(aside):
        place = os.path.join(folder, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
            continue
        if entry.is_dir():
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        _mount(entry.path, place, None, _BIND | _RECURSIVE)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    """One call of the C library. Raises OSError."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
