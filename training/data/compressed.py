"""Compressed files of a dataset: which they are, and the plain files that are read in their place.

They are unpacked to the folder for temporary files, a block at a time, so that all that holds of a plain file (its
checks, the ceiling of memory, lines in errors) holds of a compressed one. The standard library does it, but for zstd.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from training.errors import TrainingError

if TYPE_CHECKING:
    import polars as pl

    from training.data.parts import Parts

PACKED = (".gz", ".zst", ".zip")
"""Endings of compressed files; what is in them is told by the ending before it (`.csv.gz`), of a zip by its member."""
BLOCK = 1 << 20
_HIDDEN = ("__MACOSX", ".")


def is_packed(file: Path) -> bool:
    """Whether a file is compressed, by its ending."""
    return file.suffix.lower() in PACKED


def ending(file: Path) -> str:
    """The ending of what is in a file, in lower case: `.csv` of `rows.csv.gz`, and of a zip with `rows.csv` in it.

    Raises TrainingError for a zip that is damaged, or that holds no file, or several.
    """
    last = file.suffix.lower()
    if last == ".zip":
        with _damage(file, file.name), zipfile.ZipFile(file) as archive:
            return Path(_member(archive, file.name).filename).suffix.lower()
    return Path(file.stem).suffix.lower() if last in PACKED else last


def plain_name(file: Path) -> str:
    """The name of what is in a compressed file: `rows.csv` of `rows.csv.gz`, and of `rows.zip` with a CSV in it."""
    inside = ending(file)
    return file.stem if Path(file.stem).suffix.lower() == inside else f"{file.stem}{inside}"


def head(file: Path, size: int, label: str = "") -> bytes:
    """The first bytes of what is in a file. Raises TrainingError for a damaged one."""
    if not is_packed(file):
        with file.open("rb") as stream:
            return stream.read(size)
    if file.suffix.lower() == ".zst":
        with _zstd(file, label or file.name) as lines:
            first = lines.head(max(1, size >> 16)).collect().to_series().to_list()
        return "\n".join(first).encode()[:size]
    with _damage(file, label or file.name), _opened(file, label or file.name) as stream:
        return stream.read(size)


@contextmanager
def plain(parts: Parts) -> Iterator[Parts]:
    """The parts with every compressed file unpacked; what was unpacked is gone afterwards.

    Raises TrainingError for a file that is damaged or cut short, and where the disk is full.
    """
    if not any(map(is_packed, parts.files)):
        yield parts
        return
    with tempfile.TemporaryDirectory(prefix="mooring-unpacked-") as work:
        labels = tuple(parts.label(file) for file in parts.files)
        files = []
        for place, (file, label) in enumerate(zip(parts.files, labels, strict=True)):
            target = Path(work) / f"{place}{ending(file)}"
            files.append(unpack(file, target, label) if is_packed(file) else file)
        yield replace(parts, files=tuple(files), labels=labels)


def unpack(file: Path, target: Path, label: str = "") -> Path:
    """Write what is in a compressed file to `target`, and return that. Raises as `plain` does."""
    label = label or file.name
    if file.suffix.lower() == ".zst":
        with _zstd(file, label) as lines:
            lines.sink_csv(target, include_header=False, quote_style="never", engine="streaming")
        return target
    with _damage(file, label), _opened(file, label) as packed, target.open("wb") as stream:
        shutil.copyfileobj(packed, stream, BLOCK)
    return target


@contextmanager
def _zstd(file: Path, label: str) -> Iterator[pl.LazyFrame]:
    """The lines of text in a zstd file, by polars; a carriage return at their ends is left out."""
    import polars as pl

    with _damage(file, label):
        with file.open("rb") as stream:
            if stream.read(4) != b"\x28\xb5\x2f\xfd":
                raise TrainingError(f"{label}: not a .zst file, whatever its ending says")
        if ending(file) in (".parquet", ".pq"):
            raise TrainingError(f"{label}: Parquet is compressed inside; unpack the file")
        try:
            yield pl.scan_lines(file, glob=False)
        except pl.exceptions.PolarsError as error:
            reason = "the text in it is not UTF-8; save it as UTF-8"
            reason = reason if "utf8" in str(error) else str(error).partition("\n")[0]
            raise TrainingError(f"{label}: {reason}") from error


def _opened(file: Path, label: str) -> IO[bytes]:
    """The plain content of a gzip or zip file."""
    if file.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.open(file, "rb"))
    archive = zipfile.ZipFile(file)  # closed with the member that is read of it
    try:
        return _Member(archive, archive.open(_member(archive, label)))
    except BaseException:
        archive.close()
        raise


class _Member(io.BufferedReader):
    """A member of a zip that closes the archive with itself."""

    def __init__(self, archive: zipfile.ZipFile, member: IO[bytes]) -> None:
        super().__init__(cast("io.RawIOBase", member))
        self._archive = archive

    def close(self) -> None:
        super().close()
        self._archive.close()


def _member(archive: zipfile.ZipFile, label: str) -> zipfile.ZipInfo:
    """The one file in a zip; folders and what a Mac adds are no such."""
    found = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith(_HIDDEN)]
    if len(found) != 1:
        names = ", ".join(entry.filename for entry in found[:5]) or "nothing"
        raise TrainingError(f"{label}: a zip with one file in it is expected, and it holds {len(found)} ({names})")
    if found[0].flag_bits & 1:
        raise TrainingError(f"{label}: the zip asks for a password; unpack it")
    return found[0]


@contextmanager
def _damage(file: Path, label: str) -> Iterator[None]:
    """What a damaged file raises as one clear error."""
    try:
        yield
    except EOFError as error:
        raise TrainingError(f"{label}: the file ends in the middle; copy it again as a whole") from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise TrainingError(f"{label}: not a {file.suffix.lower()} file, or a damaged one ({error})") from error
    except OSError as error:
        if "frame" in str(error):  # zstd's word for what is cut short
            raise TrainingError(f"{label}: the file ends in the middle; copy it again as a whole") from error
        raise TrainingError(f"{label}: cannot be unpacked: {error.strerror or error}") from error
