"""The `Condition` of a policy's statement, as IAM evaluates it."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Context = Mapping[str, Sequence[str]]
"""Values of a request's condition keys; the keys in lower case, as they are compared without regard to case."""

_NEGATED = re.compile(r"(String|Numeric|Date|Arn)Not|NotIpAddress")


def hold(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether all conditions of a statement hold. Raises ValueError for an operator that IAM does not have."""
    return all(
        _holds(name, texts(expected), context.get(key.lower()))
        for name, keys in conditions.items()
        for key, expected in keys.items()
    )


def is_known(name: str) -> bool:
    """Whether IAM has an operator of this name."""
    quantifier, _, rest = name.rpartition(":")
    return quantifier in ("", "ForAllValues", "ForAnyValue") and rest.removesuffix("IfExists") in {"Null", *_OPERATORS}


def keys_of(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The condition keys that they look at."""
    for keys in conditions.values():
        yield from keys


def texts(value: Any) -> list[str]:
    """One value or several, as IAM compares them."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def like(pattern: str, value: str) -> bool:
    """Whether a pattern with `*` and `?` fits the whole of a value."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _holds(name: str, expected: list[str], actual: Sequence[str] | None) -> bool:
    if not is_known(name):
        raise ValueError(f"'{name}' is no condition operator of IAM")
    quantifier, _, rest = name.rpartition(":")
    plain = rest.removesuffix("IfExists")
    if plain == "Null":
        return (actual is None) == (expected == ["true"])
    compare = _OPERATORS[plain]
    is_negated = _NEGATED.match(plain) is not None
    if not actual:
        return rest.endswith("IfExists") or quantifier == "ForAllValues" or (is_negated and not quantifier)

    def fits(value: str) -> bool:
        return any(compare(value, one) for one in expected) != is_negated

    is_for_all = quantifier == "ForAllValues" or (is_negated and not quantifier)
    return all(map(fits, actual)) if is_for_all else any(map(fits, actual))


def _arn_like(value: str, pattern: str) -> bool:
    """Each of an ARN's six parts on its own."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(values) == len(patterns) == 6 and all(map(like, patterns, values))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def check(value: str, expected: str) -> bool:
        try:
            return compare(float(value), float(expected))
        except ValueError:
            return False

    return check


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def check(value: str, expected: str) -> bool:
        try:
            return compare(_seconds(value), _seconds(expected))
        except ValueError:
            return False

    return check


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _address(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.eq,  # the negation is applied to the outcome
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringNotEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda value, expected: value.lower() == expected.lower(),
    "StringNotEqualsIgnoreCase": lambda value, expected: value.lower() == expected.lower(),
    "StringLike": lambda value, pattern: like(pattern, value),
    "StringNotLike": lambda value, pattern: like(pattern, value),
    "Bool": lambda value, expected: value.lower() == expected.lower(),
    "BinaryEquals": operator.eq,
    "IpAddress": _address,
    "NotIpAddress": _address,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "ArnNotEquals": _arn_like,
    "ArnNotLike": _arn_like,
    **{f"Numeric{name}": _number(compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _date(compare) for name, compare in _COMPARISONS.items()},
}
