"""`model.tar.gz` of a version, for what takes a model in no other form: serverless endpoints and batch transform.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html (`ModelDataSource`). It is made
once a version, on this machine, and always of the same bytes.
"""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from pathlib import Path

from providers.aws.contents import Contents, uri_of
from providers.aws.faults import translated
from providers.aws.model_groups import Group
from providers.aws.objects import split_uri
from providers.boundaries import boundary
from providers.contract import Context
from training.artifact.digest import relative_files

ARCHIVE = "model.tar.gz"


def archive_uri(group: Group, digest: str) -> str:
    """Where the archive of these bytes is, or will be."""
    return f"{uri_of(group.archives, digest)}{ARCHIVE}"


def ensure(group: Group, digest: str, home: Path, context: Context) -> str:
    """The archive's address; it is made where it is not there. Raises NotFound where the bytes are gone."""
    uri = archive_uri(group, digest)
    if group.objects.exists(uri):
        return uri
    context.progress(f"packing {group.model} for a server that takes an archive only", None)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archive-", dir=home) as name:
        folder = Contents(group.region, home).download(uri_of(group.artifacts, digest), Path(name) / "model")
        context.check_cancelled()
        packed = pack(folder, Path(name) / ARCHIVE)
        bucket, key = split_uri(uri)
        with translated(f"writing {uri}"):
            group.objects.s3.upload_file(str(packed), bucket, key)  # S3 shows an object whole or not at all
    boundary("version:archived")
    return uri


def pack(folder: Path, target: Path) -> Path:
    """An archive of a folder's files: the same bytes for the same files, whoever packs them and when."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(relative_files(folder)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = (folder / name).stat().st_size, 0o644
            with (folder / name).open("rb") as content:
                archive.addfile(entry, content)
    return target
