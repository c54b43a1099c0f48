"""Whose a thing on AWS is: `Ownership` as tags, and the mark that a state holds it.

Values of tags have 256 characters at most, and a URN may be longer: it goes on in further tags.
https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from providers.contract import Ownership

LONGEST = 256
CLAIMED = "mooring:claimed"
RETIRED = "mooring:retired"
_REFUSED = re.compile(r"[^\w\s.:/=+\-@]")
_ESCAPE = "@"

Pairs = list[dict[str, str]]


def tags_of(owner: Ownership, further: Mapping[str, str] | None = None) -> Pairs:
    """The tags of a new thing, with those of the user's; the user's own cannot displace ours."""
    found = dict(further or {})
    for name, value in owner.as_tags().items():
        for number, part in enumerate(_parts(escaped(value))):
            found[name if not number else f"{name}:{number}"] = part
    return [{"Key": key, "Value": value} for key, value in found.items()]


def owner_of(pairs: Iterable[Mapping[str, str]]) -> Ownership | None:
    """Whose it is; None for a thing that is not Mooring's."""
    tags = {pair["Key"]: pair["Value"] for pair in pairs}
    if "mooring:urn" not in tags:
        return None
    project, stack, urn, inputs = (_joined(tags, f"mooring:{name}") for name in ("project", "stack", "urn", "inputs"))
    return Ownership(project, stack, urn, inputs)


def is_owned_by(owner: Ownership, wanted: Ownership) -> bool:
    """Whether a thing of `owner` is of `wanted`'s URN; an empty URN means the whole stack."""
    same_stack = (owner.project, owner.stack) == (wanted.project, wanted.stack)
    return same_stack and wanted.urn in ("", owner.urn)


def escaped(value: str) -> str:
    """The value with `$`, which URNs hold and tags may not, and the like as `@` and two hex digits."""
    return "".join(
        f"{_ESCAPE}{byte:02x}" if chr(byte) == _ESCAPE or byte > 127 or _REFUSED.match(chr(byte)) else chr(byte)
        for byte in value.encode()
    )


def unescaped(value: str) -> str:
    """The value that was escaped."""
    raw = re.sub(rf"{_ESCAPE}([0-9a-f]{{2}})".encode(), lambda match: bytes([int(match[1], 16)]), value.encode())
    return raw.decode(errors="replace")


def _parts(value: str) -> list[str]:
    return [value[at : at + LONGEST] for at in range(0, len(value), LONGEST)] or [""]


def _joined(tags: Mapping[str, str], name: str) -> str:
    parts, number = [tags.get(name, "")], 1
    while (part := tags.get(f"{name}:{number}")) is not None:
        parts.append(part)
        number += 1
    return unescaped("".join(parts))
