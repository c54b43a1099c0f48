"""The one error tree of the adapter layer.

::

    MooringError                  everything a caller may want to catch
    ├── InvalidInput              the user's input is wrong; carries `problems`, one a property
    ├── NotSupported              this cloud cannot do that; names the property, the cloud, the choices
    ├── NotFound                  the thing does not exist (any more)
    ├── AlreadyExists             a name that somebody else holds
    ├── Unavailable               throttled, timed out, refused: the same call may succeed later
    ├── PermissionDenied          credentials or rights are missing; says which
    ├── JobFailed                 a job ended badly; carries the reason from the script's own traceback
    ├── RolledBack                an update failed and everything is as before
    ├── PartialFailure            something exists that is not as asked; carries its id, a later update resumes
    ├── Cancelled                 the user asked to stop; carries the id of what goes on or was stopped
    └── ConflictError             another operation holds the lock; says who

Each vendor's error is translated once, in its own folder, with `raise … from cause`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one property.

    `property` is the path as Pulumi prints it (`deployments[0].weight`), empty for the whole;
    `reason` says what is wrong and what would be right.
    """

    property: str
    reason: str

    def __str__(self) -> str:
        return f"{self.property}: {self.reason}" if self.property else self.reason


class MooringError(Exception):
    """Base of every error that Mooring raises on purpose."""


class InvalidInput(MooringError):
    """The user's input is wrong. `problems` lists all of it, so that one run shows everything."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = (Problem("", problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("; ".join(str(p) for p in self.problems))


class NotSupported(MooringError):
    """A cloud cannot do what was asked; raised from `check`, so it shows in the preview."""


class NotFound(MooringError):
    """The thing does not exist (any more)."""


class AlreadyExists(MooringError):
    """Somebody else holds the name."""


class Unavailable(MooringError):
    """A passing fault: the same call may succeed later."""


class PermissionDenied(MooringError):
    """Credentials or rights are missing."""


class JobFailed(MooringError):
    """A job ended badly. `reason` is one line fit for a table; `log_tail` the last lines of its log."""

    def __init__(self, reason: str, *, job: str = "", log_tail: str = "") -> None:
        self.reason, self.job, self.log_tail = reason, job, log_tail
        super().__init__(reason)


class RolledBack(MooringError):
    """An update failed, and everything is as it was before it."""


class PartialFailure(MooringError):
    """Something exists under `id` that is not (yet) as asked; the next update resumes it."""

    def __init__(self, message: str, *, id: str) -> None:
        self.id = id
        super().__init__(message)


class Cancelled(MooringError):
    """The user asked to stop. `id` names what was begun, empty when nothing was."""

    def __init__(self, message: str = "cancelled", *, id: str = "") -> None:
        self.id = id
        super().__init__(message)


class ConflictError(MooringError):
    """Another operation is under way; the message says who holds the lock and since when."""


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """`" (did you mean 'x'?)"` for the nearest choice, else the list of choices, else nothing."""
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (one of: {', '.join(choices)})" if choices else ""
