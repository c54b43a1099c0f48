"""From the words of the command line to the engine's options."""

from __future__ import annotations

from pathlib import Path

from infra.engine.api import Options
from mooring.pins import Pin, short_digest
from mooring.session import Session
from providers.errors import InvalidInput


def engine_options(
    session: Session,
    *,
    target: list[str] | None = None,
    target_dependents: bool = False,
    replace: list[str] | None = None,
    refresh: bool = False,
    policy_pack: list[Path] | None = None,
    parallel: int = 16,
    message: str = "",
) -> Options:
    """The engine's options. Names in `target` and `replace` are looked up in the stack's state.

    `expect_no_changes` is not handed on: the command line decides it by the result, the same for both engines.
    """
    packs = tuple(path.resolve() for path in policy_pack or ())
    for pack in packs:
        if not (pack / "PulumiPolicy.yaml").is_file():
            raise InvalidInput(f"--policy-pack {pack}: there is no PulumiPolicy.yaml in this folder")
    if target_dependents and not target:
        raise InvalidInput("--target-dependents: there is no --target that it could extend")
    return Options(
        targets=_urns(session, target or [], "--target"),
        target_dependents=target_dependents,
        replace=_urns(session, replace or [], "--replace"),
        refresh=refresh,
        parallel=parallel,
        policy_packs=packs,
        message=message,
    )


def _urns(session: Session, words: list[str], option: str) -> tuple[str, ...]:
    if all(word.startswith("urn:pulumi:") for word in words):
        return tuple(words)
    from mooring.inventory import items, urns_named

    return urns_named(items(session.export()), words, option)


def pin_lines(pins: list[Pin], stack: str, *, emulate: bool) -> list[str]:
    """One line a pin, with the way out."""
    which = f"--stack {stack}{' --emulate' if emulate else ''}"
    return [
        f"pinned: endpoint {pin.endpoint} serves {pin.model} {short_digest(pin.digest)} "
        f"(`mooring rollback --clear --endpoint {pin.endpoint} {which}` releases it)"
        for pin in pins
    ]
