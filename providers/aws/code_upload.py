"""How code reaches a job: archives in the stack's bucket, each uploaded once for each content.

::

    s3://<bucket>/mooring/<project>/<stack>/code/<hex>/sourcedir.tar.gz   a user's folder, as script mode takes it
                                                  kit/<hex>/kit.tar.gz    the kit's packages, for its own trainer

AWS's image installs `requirements.txt` of the archive before it runs the script; the kit's start.sh does the same.
An archive is one object, which S3 shows whole or not at all.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from providers.aws.objects import Objects, stack_uri
from providers.boundaries import boundary
from providers.contract import Ownership
from providers.errors import InvalidInput, Unavailable
from providers.local.jobs import code
from providers.paths import KIT
from providers.values import CodeSpec

PROGRAM, ARCHIVE = "start.sh", "kit.tar.gz"
PACKAGES = ("mooring_transforms", "training")
"""The kit's packages that the trainer is made of."""
CHANNEL = "mooring"
"""The channel by which the kit reaches the job."""
REQUIREMENTS = "requirements.txt"
_START = """\
set -e
here=$(cd "$(dirname "$0")" && pwd)
if [ -f "$here/requirements.txt" ]; then
  python -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
fi
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec python -m training
"""
_KIT = f"${{SAGEMAKER_BASE_DIR:-/opt/ml}}/input/data/{CHANNEL}/kit.tar.gz"
START = ("/bin/sh", "-c", f'd=$(mktemp -d) && tar -xzf "{_KIT}" -C "$d" && exec /bin/sh "$d/start.sh"')
"""`ContainerEntrypoint` of the kit's trainer; AWS allows 256 characters a word."""


def code_hash(spec: CodeSpec, home: Path, root: Path, image: bytes) -> str:
    """`sha256:…` of the code that a job runs and of what its image is known by. Raises InvalidInput."""
    source = code.code_hash(PACKAGES) if spec.source is None else code.source_hash(home, root / spec.source)
    return code.joined_hash(source.encode(), image)


def upload_kit(objects: Objects, container: str, owner: Ownership, requirements: Sequence[str]) -> str:
    """Have the kit in the bucket; the prefix of the channel that brings it."""
    wanted = _lines(requirements)
    name = hashlib.sha256(f"{code.code_hash(PACKAGES)}\0{_START}\0{wanted.decode()}".encode()).hexdigest()[:32]
    uri = f"{stack_uri(container, owner, 'kit', name)}{ARCHIVE}"
    if not objects.exists(uri):
        files = {f"{package}/{path}": (KIT / package / path).read_bytes()
                 for package in PACKAGES for path in code.source_files(KIT / package)}  # fmt: skip
        files[PROGRAM] = _START.encode()
        if wanted:
            files[REQUIREMENTS] = wanted
        objects.write(uri, _archive(files), "application/gzip")
        boundary("code:uploaded")
    return uri.rpartition("/")[0] + "/"


def upload_source(
    objects: Objects,
    container: str,
    owner: Ownership,
    spec: CodeSpec,
    home: Path,
    root: Path,
    checked: tuple[str, bytes],
) -> str:
    """Have a user's folder in the bucket; the archive's address.

    `checked` is the hash that Check found, with what the image is known by. Raises Unavailable where it differs now.
    """
    source = root / str(spec.source)
    files = dict(_read(source))
    if checked[0] and code_hash(spec, home, root, checked[1]) != checked[0]:
        raise Unavailable(f"{spec.source} changed while it was being deployed; run again")
    if spec.requirements:
        own = files.get(REQUIREMENTS, b"")
        files[REQUIREMENTS] = own + (b"\n" if own and not own.endswith(b"\n") else b"") + _lines(spec.requirements)
    content = _archive(files)
    uri = f"{stack_uri(container, owner, 'code', hashlib.sha256(content).hexdigest()[:32])}sourcedir.tar.gz"
    if not objects.exists(uri):
        objects.write(uri, content, "application/gzip")
        boundary("code:uploaded")
    return uri


_LARGEST = 500 << 20


def _read(source: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a source folder by name."""
    size = 0
    for name in code.source_files(source):
        content = (source / name).read_bytes()
        size += len(content)
        if size > _LARGEST:
            raise InvalidInput(f"{source} holds more than {_LARGEST >> 20} MiB; name the folder that holds code only")
        yield name, content


def _lines(requirements: Sequence[str]) -> bytes:
    return "".join(f"{line.strip()}\n" for line in requirements).encode()


def _archive(files: dict[str, bytes]) -> bytes:
    """A tar.gz of these files: the same bytes for the same files."""
    target = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", fileobj=target, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return target.getvalue()
