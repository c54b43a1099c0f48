"""A sequence of operations on one stack, which both engines are put through."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from twin_provider import TwinProvider

Verb = Literal["up", "refresh", "destroy", "preview", "import"]

PREAMBLE = """\
import pulumi
from pulumi import Alias, Output, ResourceOptions as Opts
from twin import Group, Provider, R
"""


@dataclass(frozen=True)
class Step:
    """One operation. `targets` and `replace` name resources; `world` changes what is there before it."""

    verb: Verb
    program: str = ""
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    target_dependents: bool = False
    refresh: bool = False
    arguments: tuple[str, ...] = ()
    world: Callable[[TwinProvider], None] | None = None

    @property
    def source(self) -> str:
        """The program's text."""
        return PREAMBLE + textwrap.dedent(self.program)


@dataclass(frozen=True)
class Scenario:
    """`secrets`: whether the provider understands them. `config` is the stack's, `files` beside the program."""

    name: str
    steps: tuple[Step, ...]
    secrets: bool = False
    config: str = "{}"
    files: Mapping[str, str] = field(default_factory=dict)


def up(program: str, **options: Any) -> Step:
    return Step("up", program, **options)


def preview(program: str, **options: Any) -> Step:
    return Step("preview", program, **options)


def destroy(**options: Any) -> Step:
    return Step("destroy", **options)


def refresh(**options: Any) -> Step:
    return Step("refresh", **options)
