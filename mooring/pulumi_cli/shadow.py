"""Where `pulumi` runs: the project's root, or, emulated, a project file of its own beside the configuration copy.

Several commands of `pulumi` (`stack init`, `stack output`, …) write a salt to the stack's own file and cannot be
told another one. An emulated stack must not be written, so it gets a `Pulumi.yaml` that leads to the same program.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from infra.engine.api import StackRef
from mooring import standins


def work_dir(ref: StackRef) -> Path:
    """The folder for `pulumi`; made current when the stack is emulated."""
    if not ref.emulate:
        return ref.root
    import yaml

    described = yaml.safe_load((ref.root / "Pulumi.yaml").read_bytes())
    text = yaml.safe_dump(relocated(described, ref), sort_keys=False, allow_unicode=True)
    file = ref.config_file.parent / "Pulumi.yaml"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, file)
    return file.parent


def relocated(described: dict[str, Any], ref: StackRef) -> dict[str, Any]:
    """The project file with absolute paths, and with the folder of the configuration copy for stacks."""
    changed = {**described, "main": str(ref.program), "stackConfigDir": "."}
    runtime = changed.get("runtime")
    if isinstance(runtime, dict) and isinstance(options := runtime.get("options"), dict) and "virtualenv" in options:
        moved = {**options, "virtualenv": str(ref.root / str(options["virtualenv"]))}
        changed["runtime"] = {**runtime, "options": moved}
    plugins = changed.get("plugins")
    if isinstance(plugins, dict):
        changed["plugins"] = {
            kind: [{**one, "path": str(ref.root / one["path"])} if "path" in one else one for one in entries]
            for kind, entries in plugins.items()
        }
    if stood_in := [{"name": name, "path": str(folder)} for name, folder in standins.plugins(ref).items()]:
        rest = changed.get("plugins") or {}
        changed["plugins"] = {**rest, "providers": [*rest.get("providers", []), *stood_in]}
    return changed
