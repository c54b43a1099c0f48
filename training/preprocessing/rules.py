"""The keys that each type of column takes, and the values each key takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from training.errors import nearest

Rule = Callable[[Any], Any]
"""Takes a value as JSON has it, returns it in its final form; raises ValueError saying what would be right."""

PARTS = ("year", "quarter", "month", "day", "weekday", "dayofyear", "hour", "minute", "elapsed")
"""Parts of a date; mooring_transforms.moments computes them."""


def one_of(*choices: str) -> Rule:
    """One of these words; null, false and none are the same word."""

    def rule(value: Any) -> str:
        word = "none" if value in (None, False) and "none" in choices else value
        if word not in choices:
            raise ValueError(f"{value!r} is unknown{nearest(str(value), choices)}")
        return str(word)

    return rule


def whole(low: int) -> Rule:
    """A whole number of at least `low`, or null."""

    def rule(value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < low:
            raise ValueError(f"{value!r} is not a whole number of at least {low}")
        return int(value)

    return rule


def count_or_share(value: Any) -> int | float:
    """A count (a whole number from 1), or a share (a number between 0 and 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0 or (value > 1 and value % 1):
        raise ValueError(f"{value!r} is neither a count (1, 2, …) nor a share between 0 and 1")
    return int(value) if value > 1 or isinstance(value, int) else float(value)


def share(value: Any) -> int | float:
    """As count_or_share, but 1 is the whole share, not a count."""
    found = count_or_share(value)
    return 1.0 if found == 1 else found


def switch(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def ngrams(value: Any) -> tuple[int, int]:
    """`[1, 2]`: the shortest and the longest run of words; or one number for both."""
    pair = [value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value
    numeric = isinstance(pair, list) and all(isinstance(n, int | float) and n == int(n) and n >= 1 for n in pair)
    if not numeric or len(pair) != 2 or pair[0] > pair[1]:
        raise ValueError(f"{value!r} is not a pair such as [1, 2], the shortest and the longest run of words")
    return int(pair[0]), int(pair[1])


def parts(value: Any) -> tuple[str, ...]:
    """A list of parts of a date."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise ValueError(f"{value!r} is not a list of parts such as [year, month, weekday]")
    for name in names:
        if name not in PARTS:
            raise ValueError(f"'{name}' is no part of a date{nearest(str(name), PARTS)}")
    return tuple(dict.fromkeys(names))


def order(value: Any) -> tuple[str, ...]:
    """A list of categories, the lowest first."""
    if not isinstance(value, list) or len(value) < 2 or len(set(map(str, value))) < len(value):
        raise ValueError(f"{value!r} is not a list of two or more different categories, the lowest first")
    return tuple(str(name) for name in value)


def number(value: Any) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def word(value: Any) -> str:
    """Text, or a number as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{value!r} is not text")
    return f"{value:g}" if isinstance(value, float) else str(value)


def moment(value: Any) -> float:
    """A date in ISO 8601, as seconds since 1970-01-01 UTC."""
    from mooring_transforms.moments import seconds_of

    return seconds_of(str(value))


def size(value: Any) -> tuple[int, int]:
    """`[height, width]` in pixels, or one number for both."""
    pair = [value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(n, int | float) and n >= 1 for n in pair):
        raise ValueError(f"{value!r} is not a size in pixels such as [32, 32]")
    return int(pair[0]), int(pair[1])


def channels(value: Any) -> int:
    """1 (grey), 3 (red, green, blue) or 4 (and alpha)."""
    if value not in (1, 3, 4):
        raise ValueError(f"{value!r} is not a number of channels: 1 (grey), 3 (RGB) or 4 (RGBA)")
    return int(value)


SCALES = one_of("standard", "minmax", "robust", "none")

RULES: Mapping[str, Mapping[str, Rule]] = {
    "number": {
        "missing": one_of("mean", "median", "most_frequent", "constant", "drop", "keep"),
        "value": number,
        "scale": SCALES,
    },
    "category": {
        "missing": one_of("most_frequent", "constant", "drop"),
        "value": word,
        "encode": one_of("onehot", "ordinal"),
        "order": order,
        "unseen": one_of("ignore", "rare", "error"),
        "min_count": count_or_share,
        "max_categories": whole(2),
    },
    "text": {
        "ngrams": ngrams,
        "max_features": whole(1),
        "min_df": count_or_share,
        "max_df": share,
        "analyzer": one_of("word", "char", "char_wb"),
        "lowercase": switch,
        "sublinear": switch,
        "stop_words": one_of("english", "none"),
    },
    "date": {
        "missing": one_of("mean", "median", "most_frequent", "constant", "drop"),
        "value": moment,
        "parts": parts,
        "cyclic": switch,
        "scale": SCALES,
        "format": str,
    },
    "image": {"size": size, "channels": channels, "scale": one_of("range", "standard", "none")},
}
"""Rules by type and key."""
