"""The process of a policy pack.

A pack is a folder with a `PulumiPolicy.yaml` (Python packs only). It is started as Pulumi's Python language host
starts it (`python -m pulumi.policy <engine> <folder>`) and first prints the port of its `Analyzer` service.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.engine.deployment import Deployment
from infra.engine.errors import EngineError, UnsupportedOption

START_SECONDS = 60


def start(folder: Path, deployment: Deployment, engine_address: str) -> subprocess.Popen[str]:
    """Start the pack in `folder`. Raises `EngineError` when it is none or cannot be started, `UnsupportedOption`."""
    options = _manifest(folder)
    venv = options.get("virtualenv")
    python = str(folder / str(venv) / "bin" / "python") if venv else sys.executable
    ref, config = deployment.ref, deployment.config
    environment = {
        **os.environ,
        "PULUMI_PROJECT": ref.project,
        "PULUMI_STACK": ref.stack,
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_DRY_RUN": "true" if deployment.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(config.values)),
    }
    command = [python, "-u", "-m", "pulumi.policy", engine_address, str(folder)]
    try:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise EngineError(f"the policy pack {folder} cannot be started: {error}") from error


def _manifest(folder: Path) -> Mapping[str, Any]:
    """The runtime's options of a pack. Raises `EngineError`, `UnsupportedOption`."""
    import yaml

    file = folder / "PulumiPolicy.yaml"
    try:
        manifest = yaml.safe_load(file.read_text())
    except OSError as error:
        raise EngineError(
            f"--policy-pack {folder}: no policy pack there (no PulumiPolicy.yaml: {error.strerror})"
        ) from None
    except yaml.YAMLError as error:
        raise EngineError(f"{file}: not YAML: {error}") from None
    runtime = manifest.get("runtime") if isinstance(manifest, dict) else None
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    if name != "python":
        raise UnsupportedOption(f"policy packs in '{name}'", "write the pack in Python, or use --engine pulumi")
    return options if isinstance(options, dict) else {}


def port(process: subprocess.Popen[str], folder: Path) -> int:
    """The port that a starting pack prints first. Raises `EngineError`.

    Whatever else it prints is read as well, to the end: a pack whose pipe is full would stand still.
    """
    printed: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, printed), name="policy-output", daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            line = printed.get(timeout=0.1)
        except queue.Empty:
            if process.poll() is not None:
                told = f"ended with exit code {process.returncode} before it was ready"
                raise EngineError(f"the policy pack {folder} {told}") from None
            continue
        if line.strip().isdigit():
            return int(line)
    raise EngineError(f"the policy pack {folder} was not ready within {START_SECONDS} s")


def _read(process: subprocess.Popen[str], printed: queue.SimpleQueue[str]) -> None:
    assert process.stdout is not None  # a pipe was asked for
    with process.stdout as lines:
        for number, line in enumerate(lines):
            if number < 1000:  # nobody looks at what comes after the port
                printed.put(line)
