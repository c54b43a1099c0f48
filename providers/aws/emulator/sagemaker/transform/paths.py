"""The JSONPath expressions of `DataProcessing`: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html

`$`, `.name`, `['a','b']`, `[0,2:5,-1]` and `*`, one after the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)|(?P<any>\.\*|\[\*\])|\[(?P<inside>[^\]]+)\]")
_NAMES = re.compile(r"""\s*(?:'[^']*'|"[^"]*")\s*(?:,\s*(?:'[^']*'|"[^"]*")\s*)*""")
_NAME = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_PLACE = re.compile(r"\s*(?:(?P<index>-?\d+)|(?P<start>-?\d*):(?P<end>-?\d*))\s*")


class PathError(Exception):
    """An expression that is none, or that a record has nothing for."""


@dataclass(frozen=True)
class Names:
    """One member of an object, or several."""

    names: tuple[str, ...]

    def of(self, value: Any) -> Any:
        """The member; an object of several."""
        if not isinstance(value, dict) or (absent := [name for name in self.names if name not in value]):
            raise PathError(f"there is no {absent[0] if isinstance(value, dict) else self.names[0]!r} in the record")
        return value[self.names[0]] if len(self.names) == 1 else {name: value[name] for name in self.names}


@dataclass(frozen=True)
class Places:
    """Elements of an array: single ones and slices."""

    places: tuple[int | slice, ...]

    def of(self, value: Any) -> Any:
        """The element; an array of several."""
        if not isinstance(value, list):
            raise PathError("the record is no array")
        found: list[Any] = []
        for place in self.places:
            if isinstance(place, slice):
                found += value[place]
            elif -len(value) <= place < len(value):
                found.append(value[place])
            else:
                raise PathError(f"index {place} is not within the {len(value)} elements of the record")
        return found[0] if len(self.places) == 1 and isinstance(self.places[0], int) else found


@dataclass(frozen=True)
class All:
    """Every element or member."""

    def of(self, value: Any) -> Any:
        """An array of them."""
        if isinstance(value, dict):
            return list(value.values())
        if not isinstance(value, list):
            raise PathError("the record is neither array nor object")
        return value


@dataclass(frozen=True)
class Path:
    """A whole expression."""

    parts: tuple[Names | Places | All, ...]

    @property
    def is_all(self) -> bool:
        """Whether it selects the record as it is."""
        return not self.parts

    def of(self, value: Any) -> Any:
        """What it selects. Raises `PathError`."""
        for part in self.parts:
            value = part.of(value)
        return value


def parse(expression: str) -> Path:
    """Read an expression. Raises `PathError`."""
    if not expression.startswith("$"):
        raise PathError(f"'{expression}' does not begin with $")
    parts: list[Names | Places | All] = []
    rest = expression[1:]
    while rest:
        found = _PART.match(rest)
        if found is None:
            raise PathError(f"'{expression}' cannot be read at '{rest}'")
        if found["name"]:
            parts.append(Names((found["name"],)))
        else:
            parts.append(All() if found["any"] else _inside(found["inside"], expression))
        rest = rest[found.end() :]
    return Path(tuple(parts))


def _inside(text: str, expression: str) -> Names | Places:
    if _NAMES.fullmatch(text):
        return Names(tuple(single or double for single, double in _NAME.findall(text)))
    places: list[int | slice] = []
    for one in text.split(","):
        found = _PLACE.fullmatch(one)
        if found is None:
            raise PathError(f"'{expression}' cannot be read at '[{text}]'")
        if found["index"]:
            places.append(int(found["index"]))
        else:
            start, end = (int(found[end]) if found[end] else None for end in ("start", "end"))
            places.append(slice(start, end))
    return Places(tuple(places))
