"""The input of a training job: channels from S3 into `/opt/ml/input/data`, and the files that describe them.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files, s3_manifest
from providers.aws.emulator.errors import ApiError, validation
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker import permissions
from providers.aws.emulator.state import Thing

GROUP = "homogeneousCluster"
"""Name of the one group of machines where there is no other."""


def check(job: Mapping[str, Any], s3: Any) -> None:
    """Raise ApiError, as AWS does when the job is created, for a channel that has no object or is not emulated."""
    names = [channel["ChannelName"] for channel in job.get("InputDataConfig", ())]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise validation(f"Channel names must be unique: {', '.join(repeated)}")
    for channel in job.get("InputDataConfig", ()):
        source = _s3_source(channel)
        if mode(job, channel) == "Pipe":
            raise validation(f"channel {channel['ChannelName']}: input mode Pipe is not emulated; use File or FastFile")
        _must_hold_something(source["S3Uri"], s3, job["RoleArn"])


def _must_hold_something(uri: str, s3: Any, role: str) -> None:
    s3_files.split_uri(uri)
    try:
        found = next(s3_files.keys_below(s3, uri), None) if permissions.may_list(role, uri) else None
    except TransferError:
        found = None
    if found is None:
        raise validation(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            "exists in the selected region, that objects exist under that S3 prefix, and that the role "
            f'"{role}" has "s3:ListBucket" permissions on bucket "{s3_files.split_uri(uri)[0]}".'
        )


def _s3_source(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        kinds = ", ".join(sorted(channel["DataSource"])) or "nothing"
        raise validation(f"channel {channel['ChannelName']}: {kinds} as data source is not emulated; use S3DataSource")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise validation(f"channel {channel['ChannelName']}: {source['S3DataType']} is not emulated; use S3Prefix")
    found: Mapping[str, Any] = source
    return found


def mode(job: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """The input mode of a channel: its own, else the job's."""
    return str(channel.get("InputMode") or job["AlgorithmSpecification"].get("TrainingInputMode") or "File")


def download(job: Thing, s3: Any, base: Path, host: int, hosts: int) -> None:
    """Put the channels of one machine into `base`. Raises `TransferError` with AWS's reason."""
    for channel in job.get("InputDataConfig", ()):
        source = _s3_source(channel)
        folder = base / "input" / "data" / channel["ChannelName"]
        folder.mkdir(parents=True)
        permissions.require_reading(job["RoleArn"], source["S3Uri"], below=source["S3DataType"] == "S3Prefix")
        if not s3_manifest.download(source, s3, folder, host, hosts):
            reason = f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source.'
            raise TransferError(f"ClientError: Data download failed:{reason}")
        if channel.get("CompressionType") == "Gzip":
            _decompress(folder)


def _decompress(folder: Path) -> None:
    for path in sorted(folder.rglob("*.gz")):
        try:
            with gzip.open(path, "rb") as packed, path.with_suffix("").open("wb") as target:
                shutil.copyfileobj(packed, target)
        except OSError as error:
            raise TransferError(f"ClientError: {path.name} is not gzip: {error}") from error
        path.unlink()


def describe(job: Thing, base: Path, host: int, hosts: Sequence[str]) -> None:
    """Write `input/config` for one machine."""
    config = base / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    machine = job["ResourceConfig"]
    groups = _groups(machine, hosts)
    mine = next(group for group in groups if hosts[host] in group["hosts"])
    files: dict[str, Any] = {
        "hyperparameters": job.get("HyperParameters") or {},
        "inputdataconfig": {channel["ChannelName"]: _described(job, channel)
                            for channel in job.get("InputDataConfig", ())},
        "resourceconfig": {
            "current_host": hosts[host],
            "current_instance_type": mine["instance_type"],
            "current_group_name": mine["instance_group_name"],
            "hosts": list(hosts),
            "instance_groups": groups,
            "network_interface_name": "lo",
        },
        "upstreamoutputdataconfig": [],
        "init-config": {"inputMode": job["AlgorithmSpecification"].get("TrainingInputMode", "File")},
    }  # fmt: skip
    for name, content in files.items():
        (config / f"{name}.json").write_text(json.dumps(content))


def _groups(machine: Mapping[str, Any], hosts: Sequence[str]) -> list[dict[str, Any]]:
    if not machine.get("InstanceGroups"):
        return [{"instance_group_name": GROUP, "instance_type": machine["InstanceType"], "hosts": list(hosts)}]
    groups, left = [], list(hosts)
    for group in machine["InstanceGroups"]:
        own, left = left[: group["InstanceCount"]], left[group["InstanceCount"] :]
        groups.append({"instance_group_name": group["InstanceGroupName"], "instance_type": group["InstanceType"],
                       "hosts": own})  # fmt: skip
    return groups


def _described(job: Thing, channel: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "TrainingInputMode": mode(job, channel),
        "S3DistributionType": _s3_source(channel).get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return found | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def host_names(machine: Mapping[str, Any]) -> list[str]:
    """`algo-1`, `algo-2`, …: one a machine of the job."""
    return [f"algo-{number + 1}" for number in range(machines(machine))]


def machines(machine: Mapping[str, Any]) -> int:
    """How many machines a `ResourceConfig` asks for. Raises ApiError where it names none."""
    groups = machine.get("InstanceGroups")
    count = sum(group["InstanceCount"] for group in groups) if groups else machine.get("InstanceCount")
    if not count:
        raise ApiError("ValidationException", "ResourceConfig names no instances: InstanceCount or InstanceGroups")
    return int(count)
