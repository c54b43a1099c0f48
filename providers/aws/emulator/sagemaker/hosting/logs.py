"""What the servers of endpoints print, in CloudWatch Logs: a stream an instance.

How far each file was read stands in the state, so that a restarted emulator goes on where the last one was.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from providers.aws.emulator.log_stream import LogStream
from providers.aws.emulator.sagemaker.hosting import live, records
from providers.aws.emulator.sagemaker.hosting.records import PENDING, SERVING
from providers.aws.emulator.sagemaker.hosting.target import log_group
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "endpoint_logs"
MOST_LINES = 1000
"""Lines of one file that are sent at a time; the next look goes on."""


def collect_all(service: SageMaker) -> None:
    """Send what all endpoints' servers printed since the last look."""
    for region, name, _ in list(records.everywhere(service)):
        collect(service, region, name)


def collect(service: SageMaker, region: str, name: str) -> None:
    """Send what one endpoint's servers printed since the last look."""
    folder = service.home / "endpoints" / records.id_of(region, name) / "logs"
    files = [path for path in sorted(folder.glob("*.log")) if not path.name.startswith("router.")]
    body = records.find(service, region, name) if files else None
    if body is None:
        return
    with live.of(service).logging:
        known = service.state.find(KIND, region, name) or {"offsets": {}}
        before = dict(known["offsets"])
        for path in files:
            known["offsets"][path.name] = _send(service, region, name, body, path, before.get(path.name, 0))
        if known["offsets"] != before:
            service.state.put(KIND, region, name, known)


def forget(service: SageMaker, region: str, name: str) -> None:
    """The endpoint is gone; what it logged stays."""
    with live.of(service).logging:
        service.state.remove(KIND, region, name)
        streams = live.of(service).streams
        for key in [key for key in streams if key[:2] == (region, name)]:
            del streams[key]


def _send(service: SageMaker, region: str, name: str, body: Thing, path: Path, offset: int) -> int:
    """Send a file's new whole lines; where the next ones begin."""
    from botocore.exceptions import BotoCoreError, ClientError

    lines, after = _fresh(path, offset)
    if not lines:
        return after
    streams, key = live.of(service).streams, (region, name, path.name)
    stream = streams.get(key)
    if stream is None:
        logs = service.clients.get("logs", region)
        stream = streams[key] = LogStream(logs, log_group(name), stream_name(body, path.name))
    try:
        for line in lines:
            stream.put(line)
        stream.flush()
    except (ClientError, BotoCoreError):  # such as a group that its user deleted: made again with the next look
        streams.pop(key, None)
        return offset
    return after


def _fresh(path: Path, offset: int) -> tuple[list[str], int]:
    try:
        with path.open("rb") as source:
            if path.stat().st_size < offset:
                offset = 0  # rotated
            source.seek(offset)
            lines: list[str] = []
            while len(lines) < MOST_LINES and (line := source.readline()).endswith(b"\n"):
                lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                offset += len(line)
    except FileNotFoundError:
        return [], 0
    return lines, offset


def stream_name(body: Thing, file: str) -> str:
    """`<variant>/<instance id>` of the file `<slot>.<index>.log`."""
    slot = file.removesuffix(".log").rpartition(".")[0]
    held = [one for part in (SERVING, PENDING) for one in (body.get(part) or {}).get("slots") or ()]
    variant = next((one["name"] for one in held if one["slot"] == slot), slot.rpartition("-")[0])
    digest = hashlib.sha256(f"{body['EndpointArn']} {body['CreationTime']} {file}".encode()).hexdigest()
    return f"{variant}/i-{digest[:17]}"
