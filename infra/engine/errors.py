"""What the embedded engine raises, below `providers.errors.MooringError`.

::

    EngineError                  the engine cannot do what was asked, or its files are not as they must be
    ├── UnsupportedOption        a Pulumi option that only the CLI has; names the option
    ├── StackNotFound            no such stack in the backend; lists those there are
    ├── StackExists              `stack init` of a stack that is there
    ├── StateCorrupt             a state file that cannot be read, and no backup that can
    │   └── IntegrityError       it reads, but names resources it does not hold, or in the wrong order
    ├── StateUnsupported         a sound state that only another Pulumi can go on with
    ├── StateWriteFailed         the state could not be written (full disk, read-only); the old one is intact
    ├── WrongPassphrase          the passphrase does not open this stack's secrets
    ├── ConfigError              a stack's configuration file is wrong; carries file, line, column
    └── ValueFormatError         a property value that breaks Pulumi's wire or state format

A stack that somebody else holds is `providers.errors.ConflictError`.
"""

from __future__ import annotations

from pathlib import Path

from providers.errors import MooringError


class EngineError(MooringError):
    """The engine cannot do what was asked at all; nothing was begun."""


class UnsupportedOption(EngineError):
    """An option that the embedded engine does not have. `option` is its name as Pulumi spells it."""

    def __init__(self, option: str, hint: str = "") -> None:
        self.option = option
        super().__init__(
            f"the embedded engine does not support {option}"
            + (f": {hint}" if hint else "; use the Pulumi CLI for this stack (--engine pulumi)")
        )


class StackNotFound(EngineError):
    """The backend has no such stack."""


class StackExists(EngineError):
    """The backend has this stack already."""


class StateCorrupt(EngineError):
    """A state file that cannot be read. The message names the file and what to do."""


class IntegrityError(StateCorrupt):
    """A state that reads, but breaks a rule that every Pulumi engine relies on."""


class StateUnsupported(EngineError):
    """A sound state in a version, with a feature, or compressed in a way that this engine does not have."""


class StateWriteFailed(EngineError):
    """The state could not be written; what was there before is intact."""


class WrongPassphrase(EngineError):
    """The passphrase does not open this stack's secrets."""


class ConfigError(EngineError):
    """A stack's configuration file is wrong. `line` and `column` count from 1; 0 where there is none."""

    def __init__(self, file: Path, reason: str, *, line: int = 0, column: int = 0) -> None:
        self.file, self.reason, self.line, self.column = file, reason, line, column
        place = f"{file}:{line}:{column}" if line else str(file)
        super().__init__(f"{place}: {reason}")


class ValueFormatError(EngineError):
    """A property value that breaks Pulumi's format; `path` says where."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}" if path else reason)
