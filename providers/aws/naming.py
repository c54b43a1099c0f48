"""Names on AWS: unique, within its limits, and derived from the stack's own, so that nobody has to invent any.

Ids of Mooring's resources on AWS are `<region>/<AWS's name>`: read and delete need no more to find the thing.
"""

from __future__ import annotations

import hashlib
import re
import uuid

from providers.contract import Ownership
from providers.errors import NotFound

LONGEST = 63
"""Characters of a name of SageMaker's (a tuning job's: 32)."""
LONGEST_TUNING = 32


def new_name(name: str, longest: int = LONGEST) -> str:
    """A new name that begins with `name`, unique in time and space: for jobs, whose names are never free again."""
    return f"{_fitting(name, longest - 11)}-{uuid.uuid4().hex[:10]}"


def stable_name(name: str, owner: Ownership, longest: int = LONGEST) -> str:
    """The one name of `name` in a stack: the same at each call, another one in each stack of each project."""
    whose = f"{owner.project}\0{owner.stack}\0{owner.urn}"
    return f"{_fitting(name, longest - 9)}-{hashlib.sha256(whose.encode()).hexdigest()[:8]}"


def _fitting(name: str, longest: int) -> str:
    """Letters, digits and hyphens, none at either end, at most so many characters."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)[:longest].strip("-") or "x"


def id_of(region: str, name: str) -> str:
    """The id of a thing of this name."""
    return f"{region}/{name}"


def split(id: str) -> tuple[str, str]:
    """Region and AWS's name of an id. Raises NotFound for what cannot be one."""
    region, slash, name = id.partition("/")
    if not slash or not name or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise NotFound(f"'{id}' is not an id on AWS: <region>/<name>, such as eu-central-1/iris-1a2b3c4d")
    return region, name


def stack_mark(owner: Ownership) -> str:
    """Six hexadecimal digits in the name of every job of a stack, by which AWS lists them without a look at tags."""
    return hashlib.sha256(f"{owner.project}\0{owner.stack}".encode()).hexdigest()[:6]


def mark(owner: Ownership) -> str:
    """What is in the names of an owner's jobs: the stack's mark and six digits of its URN, or the stack's alone."""
    return stack_mark(owner) + (hashlib.sha256(owner.urn.encode()).hexdigest()[:6] if owner.urn else "")


def job_name(name: str, owner: Ownership, longest: int = LONGEST) -> str:
    """A new name for a job, which is never free again: `<name>-<mark>-<chance>`."""
    chance = uuid.uuid4().hex[: 10 if longest >= LONGEST else 6]
    return f"{_fitting(name, longest - 14 - len(chance))}-{mark(owner)}-{chance}"
