"""Inputs and outputs of a processing job: checked, downloaded before it and uploaded after or while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files, s3_manifest
from providers.aws.emulator.errors import validation
from providers.aws.emulator.s3_files import TransferError

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
        shards = hosts if place.get("S3DataDistributionType") == "ShardedByS3Key" else 1
        count = _fetch(place, s3, folder, host if shards > 1 else 0, shards)
        if not count:
            raise TransferError(f"ClientError: S3 key: {place['S3Uri']} matched no files on s3")


def _fetch(place: Mapping[str, Any], s3: Any, folder: Path, shard: int, shards: int) -> int:
    """One input into its folder; how many objects it has, on all machines."""
    if place["S3DataType"] == "S3Prefix":
        return s3_files.download_prefix(s3, place["S3Uri"], folder, shard, shards)
    found = s3_manifest.listed(s3, place["S3Uri"])
    for uri, relative in found[shard::shards]:
        s3_files.download_file(s3, uri, s3_files.inside(folder, relative))
    return len(found)


def make_output_folders(job: Mapping[str, Any], base: Path) -> None:
    """The folders that the container finds for its outputs."""
    for one in _outputs(job):
        if not one.get("AppManaged"):
            local(base, one["S3Output"]).mkdir(parents=True, exist_ok=True)


class Upload:
    """Outputs of one machine on their way to S3. Each file goes when it is new or has changed since the last time."""

    def __init__(self, job: Mapping[str, Any], s3: Any, base: Path) -> None:
        self._s3, self._base = s3, base
        self._key = (job.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
        self._places = [one["S3Output"] for one in _outputs(job) if not one.get("AppManaged")]
        self._sent: dict[Path, tuple[int, int]] = {}

    @property
    def is_continuous(self) -> bool:
        """Whether anything goes while the container runs."""
        return any(place["S3UploadMode"] == "Continuous" for place in self._places)

    def send(self, only_continuous: bool) -> None:
        """Send what there is to send now. Raises `TransferError`."""
        for place in self._places:
            if only_continuous and place["S3UploadMode"] != "Continuous":
                continue
            folder = local(self._base, place)
            for path in sorted(folder.rglob("*")):
                state = _state(path)
                if state is not None and self._sent.get(path) != state:
                    relative = path.relative_to(folder).as_posix()
                    s3_files.upload_file(self._s3, path, f"{place['S3Uri'].rstrip('/')}/{relative}", self._key)
                    self._sent[path] = state


def _state(path: Path) -> tuple[int, int] | None:
    """What changes with a file; None for what is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if path.is_file() else None


def _outputs(job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (job.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
