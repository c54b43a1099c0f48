"""Inputs and outputs of a processing job: checked, downloaded before it and uploaded after or while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files, s3_manifest
from providers.aws.emulator.errors import validation
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.s3_upload import FolderUpload

BASE = "/opt/ml"
BELOW = f"{BASE}/processing"


def check(job: Mapping[str, Any]) -> None:
    """Raise ApiError for an input or output that cannot be, or that is not emulated."""
    given = [(one["InputName"], one, "S3Input") for one in job.get("ProcessingInputs") or ()]
    wanted = [(one["OutputName"], one, "S3Output") for one in _outputs(job)]
    for each in (given, wanted):
        names = [name for name, _, _ in each]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise validation(f"Names of processing inputs and outputs must be unique: {', '.join(repeated)}")
    for name, one, member in (*given, *wanted):
        for other in ("DatasetDefinition", "FeatureStoreOutput"):
            if one.get(other):
                raise validation(f"{name}: {other} is not emulated; use {member}")
        place = one.get(member)
        if place is None:
            raise validation(f"{name}: {member} must be given")
        s3_files.split_uri(place["S3Uri"])
        if not one.get("AppManaged"):
            _check_place(name, place)


def _check_place(name: str, place: Mapping[str, Any]) -> None:
    path = str(place.get("LocalPath") or "")
    if not path.startswith(f"{BELOW}/") or ".." in Path(path).parts:
        raise validation(f"{name}: LocalPath '{path}' must be an absolute path that begins with {BELOW}/")
    if place.get("S3InputMode") == "Pipe":
        raise validation(f"{name}: S3InputMode Pipe is not emulated; use File")
    if place.get("S3CompressionType") == "Gzip":
        raise validation(f"{name}: Gzip can only be used when Pipe mode is specified as the S3InputMode")


def local(base: Path, place: Mapping[str, Any]) -> Path:
    """Where a `LocalPath` is, `/opt/ml` being `base`."""
    return base / Path(place["LocalPath"]).relative_to(BASE)


def download(job: Mapping[str, Any], s3: Any, base: Path, host: int, hosts: int) -> None:
    """Put all inputs of one machine below `base`. Raises `TransferError` with AWS's reason."""
    for one in job.get("ProcessingInputs") or ():
        if one.get("AppManaged"):
            continue
        place = one["S3Input"]
        folder = local(base, place)
        folder.mkdir(parents=True, exist_ok=True)
        if not s3_manifest.download(place, s3, folder, host, hosts):
            raise TransferError(f"ClientError: S3 key: {place['S3Uri']} matched no files on s3")


def make_output_folders(job: Mapping[str, Any], base: Path) -> None:
    """The folders that the container finds for its outputs."""
    for one in _outputs(job):
        if not one.get("AppManaged"):
            local(base, one["S3Output"]).mkdir(parents=True, exist_ok=True)


class Upload:
    """Outputs of one machine on their way to S3."""

    def __init__(self, job: Mapping[str, Any], s3: Any, base: Path) -> None:
        key = (job.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
        places = [one["S3Output"] for one in _outputs(job) if not one.get("AppManaged")]
        self._uploads = [
            (place["S3UploadMode"] == "Continuous", FolderUpload(s3, local(base, place), place["S3Uri"], key))
            for place in places
        ]

    def send(self, only_continuous: bool) -> None:
        """Send what there is to send now. Raises `TransferError`."""
        for is_continuous, upload in self._uploads:
            if is_continuous or not only_continuous:
                upload.send()


def _outputs(job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (job.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
