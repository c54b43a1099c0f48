"""A project on disk: its Pulumi.yaml, its stacks, and the private folder that deployments from here use.

Nothing here asks anybody anything: what a deployment needs and can be made (the backend's folder, a passphrase,
a stack file from its template) is made.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engine.api import StackRef
from providers import paths
from providers.errors import AlreadyExists, InvalidInput, NotFound, Problem, did_you_mean

if TYPE_CHECKING:
    from infra.settings import Settings

STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Names that Pulumi takes for a stack in a file backend, and that are no hidden file."""


@dataclass(frozen=True)
class Project:
    """One project. `name` is Pulumi's; `program` and `stack_folder` are as Pulumi.yaml says."""

    root: Path
    name: str
    program: Path
    stack_folder: Path

    @classmethod
    def find(cls) -> Project:
        """The project of the current folder (see `providers.paths.project_root`).

        Raises `NotFound` without a Pulumi.yaml, `InvalidInput` for one that cannot be read.
        """
        root = paths.project_root()
        file = root / "Pulumi.yaml"
        if not file.is_file():
            raise NotFound(f"there is no project in {root}: it has no Pulumi.yaml; `mooring new DIR` makes one")
        described = _yaml_mapping(file, file.name)
        if not isinstance(name := described.get("name"), str):
            raise InvalidInput([Problem("Pulumi.yaml: name", "missing: the project's name")])
        program = root / str(described.get("main") or ".")
        return cls(root, name, program.resolve(), root / str(described.get("stackConfigDir") or "."))

    def stacks(self) -> list[str]:
        """Names of the stacks that have a file, and of those that a template would make, in order."""
        files = (re.fullmatch(r"Pulumi\.(.+)\.yaml", entry.name) for entry in _entries(self.stack_folder))
        return sorted({found[1] for found in files if found} | set(self.templates()))

    def templates(self) -> list[str]:
        """Names of the templates in `templates/` beside the stack files."""
        return sorted(entry.stem for entry in _entries(self.stack_folder / "templates") if entry.suffix == ".yaml")

    def stack_file(self, name: str) -> Path:
        """Where the settings of the stack are, or would be."""
        return self.stack_folder / f"Pulumi.{name}.yaml"

    def settings(self, name: str) -> Settings:
        """The stack's settings. Raises `NotFound`, and `InvalidSettings` with all that is wrong in the file."""
        from infra.settings import load

        return load(self._existing(name), self.root)

    def stack(self, name: str, emulate: bool = False) -> StackRef:
        """The stack and the files that hold it; the private ones are made if need be.

        Emulated, the backend, the passphrase and a copy of the settings are apart from the real stack's, and
        the stack's own file is only read. Raises `NotFound` for an unknown stack, `InvalidInput` for a file
        that names no cloud.
        """
        file = self._existing(name)
        place = self.private / "emulated" / name if emulate else self.private
        backend, passphrase = place / "backend", place / "passphrase"
        self.private.mkdir(mode=0o700, exist_ok=True)
        backend.mkdir(parents=True, exist_ok=True)
        if not passphrase.is_file():
            from infra.engine.configuration.secrets import create_passphrase_file

            create_passphrase_file(passphrase)
        cloud = self._cloud(name, file)
        if emulate:
            from mooring.emulated_settings import write_copy

            file = write_copy(file, place / file.name, passphrase)
        return StackRef(
            project=self.name,
            stack=name,
            root=self.root,
            program=self.program,
            backend=backend,
            config_file=file,
            passphrase_file=passphrase,
            cloud=cloud,
            emulate=emulate,
        )

    @property
    def private(self) -> Path:
        """The ignored folder with backends and passphrases."""
        return paths.private(self.root)

    def ensure(self, name: str) -> Path:
        """The stack's file, made from the template of its name when it is missing. Raises `NotFound`."""
        if not self.stack_file(name).is_file() and name in self.templates():
            return self.create(name, template=name)
        return self._existing(name)

    def create(self, name: str, template: str | None = None) -> Path:
        """Make the file of a new stack from `template` (its own name's, else `local`).

        Raises `AlreadyExists`, `InvalidInput` for a name that Pulumi does not take, `NotFound` for no template.
        """
        if not STACK_NAME.fullmatch(name):
            raise InvalidInput(f"'{name}' is no stack name: letters, digits, '-', '_' and '.', at most 100")
        templates = self.templates()
        chosen = template or (name if name in templates else "local")
        if chosen not in templates:
            raise NotFound(f"there is no template '{chosen}'{did_you_mean(chosen, templates)}")
        source = self.stack_folder / "templates" / f"{chosen}.yaml"
        if not _write_new(self.stack_file(name), source.read_bytes()):
            raise AlreadyExists(f"stack '{name}' exists already: {self.stack_file(name).relative_to(self.root)}")
        return self.stack_file(name)

    def remove(self, name: str) -> None:
        """Delete the stack's file and what emulating it left here. Raises `NotFound`."""
        self._existing(name).unlink()
        shutil.rmtree(self.private / "emulated" / name, ignore_errors=True)

    def _existing(self, name: str) -> Path:
        file = self.stack_file(name)
        if file.is_file():
            return file
        if name in self.templates():
            raise NotFound(
                f"stack '{name}' has no file yet; `mooring up --stack {name}` or `mooring stack init {name}` "
                "makes it from its template"
            )
        raise NotFound(f"there is no stack '{name}'{did_you_mean(name, self.stacks())}")

    def _cloud(self, name: str, file: Path) -> str:
        """The stack's cloud, read alone: whole settings are validated by who deploys them.

        One that there is not must not be taken for one that needs the Pulumi CLI: then all settings are looked at.
        """
        label = str(file.relative_to(self.root))
        config = _yaml_mapping(file, label).get("config")
        cloud = config.get("mooring:cloud") if isinstance(config, dict) else None
        if isinstance(cloud, str) and _is_cloud(cloud):
            return cloud
        return self.settings(name).cloud


def _is_cloud(name: str) -> bool:
    """Whether there is such a cloud; third parties' are looked for only when one may be meant."""
    if name == "local":
        return True
    from providers import registry

    return name in registry.CLOUDS or name in registry.available()


def _write_new(file: Path, content: bytes) -> bool:
    """Write `file` whole or not at all, and only if nobody else has; True if it was this call."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _yaml_mapping(file: Path, label: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `InvalidInput` with line and column for what is not YAML."""
    import yaml

    try:
        with open(file, "rb") as stream:
            loaded = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark
        place = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InvalidInput([Problem(place, f"not valid YAML: {cause.problem}")]) from cause
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as cause:
        raise InvalidInput([Problem(label, f"cannot be read: {cause}")]) from cause
    if loaded is not None and not isinstance(loaded, dict):
        raise InvalidInput([Problem(label, "must be a mapping of keys to values (`config:` and what is below it)")])
    return loaded or {}
