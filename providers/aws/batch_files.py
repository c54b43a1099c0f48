"""The files of a batch prediction in S3: its rows on their way to the job, and its answers on their way back."""

from __future__ import annotations

from pathlib import Path

from providers.aws import batch_parts
from providers.aws.batch_parts import Counted
from providers.aws.contents import Contents
from providers.aws.faults import translated
from providers.aws.objects import Objects, split_uri
from providers.contract import Context
from providers.errors import InvalidInput, NotFound, Problem
from providers.local import records
from providers.local.batch import single_file
from providers.local.home import staging


def upload(contents: Contents, uri: str, base: str, context: Context) -> str:
    """Upload the rows at `uri` in parts below `<base>input/`; the ending of their names. Raises InvalidInput."""
    scratch = staging(contents.home)
    try:
        (scratch / "parts").mkdir(parents=True)
        source = single_file(_fetched(contents, uri, scratch / "rows"))
        parts = batch_parts.split(source, scratch / "parts")
        if not parts:
            raise InvalidInput([Problem("input.uri", f"{source.name} has no rows")])
        for number, part in enumerate(parts):
            context.check_cancelled()
            context.progress("uploading the rows", number / len(parts))
            _send(contents.objects, part, f"{base}input/{part.name}")
        return source.suffix.lower()
    except NotFound as error:
        raise InvalidInput([Problem("input.uri", str(error))]) from error
    finally:
        records.remove_tree(scratch)


def collect(contents: Contents, base: str) -> Counted:
    """Put the answers below `<base>output/` together; all that stands below `<base>result/` afterwards, unless no row
    could be predicted."""
    scratch = staging(contents.home)
    try:
        (scratch / "result").mkdir(parents=True)
        given = contents.download(f"{base}output/", scratch / "answers")
        counted = batch_parts.joined(sorted(given.glob("*.out")), scratch / "result")
        if counted.rows > counted.failed:
            for name in (batch_parts.ERRORS, batch_parts.PREDICTIONS):
                _send(contents.objects, scratch / "result" / name, f"{base}result/{name}")
        return counted
    finally:
        records.remove_tree(scratch)


def _fetched(contents: Contents, uri: str, target: Path) -> Path:
    """The file at an address, or the folder. Raises NotFound, InvalidInput."""
    if uri.endswith("/") or not contents.objects.exists(uri):
        return contents.download(uri, target)
    target.mkdir()
    bucket, key = split_uri(uri)
    with translated(f"reading {uri}"):
        contents.objects.s3.download_file(bucket, key, str(target / key.rpartition("/")[2]))
    return target


def _send(objects: Objects, path: Path, uri: str) -> None:
    bucket, key = split_uri(uri)
    with translated(f"writing {uri}"):
        objects.s3.upload_file(str(path), bucket, key)
