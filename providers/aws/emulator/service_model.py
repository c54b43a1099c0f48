"""botocore's description of SageMaker: what a request must hold, and what a reply may.

botocore's clients check required members and types themselves, and leave lengths, patterns and enumerations to the
service; so do we here, in the words of the service.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from providers.aws.emulator.errors import ApiError, validation

_CLASS = re.compile(r"\\p\{(?P<name>\w+)\}")
_JAVA = {r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF"}
"""Ranges that Java writes in halves of UTF-16."""
_REPEATED_END = re.compile(r"\$\{\d+,\d+\}")
"""`$` with a count after it, which Java reads and Python does not."""


class ServiceModel:
    """The operations of one service, by its name in botocore."""

    def __init__(self, service: str) -> None:
        import botocore.session

        self._model = botocore.session.get_session().get_service_model(service)
        self.operations = frozenset(self._model.operation_names)

    def check(self, operation: str, given: Mapping[str, Any]) -> None:
        """Raise `ValidationException`, in AWS's words, for whatever the model does not allow."""
        shape = self._model.operation_model(operation).input_shape
        found = list(_problems(shape, given, "")) if shape is not None else []
        if found:
            count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
            raise validation(f"{count}: {'; '.join(found)}")

    def shaped(self, operation: str, answer: Mapping[str, Any] | None) -> dict[str, Any]:
        """`answer` with nothing in it but what the operation's reply has."""
        shape = self._model.operation_model(operation).output_shape
        return {} if shape is None else _shaped(shape, answer or {})

    def input_members(self, operation: str) -> frozenset[str]:
        """The members of an operation's request."""
        shape = self._model.operation_model(operation).input_shape
        return frozenset(shape.members) if shape is not None else frozenset()

    def list_member(self, operation: str) -> str:
        """The member of a `List…` reply that holds the list."""
        shape = self._model.operation_model(operation).output_shape
        names = [name for name, member in shape.members.items() if member.type_name == "list"]
        if not names:
            raise ApiError("InternalFailure", f"{operation} has no list in its reply", 500)
        return str(names[0])


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    _need_type(shape, value)
    kind = shape.type_name
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield _failed(None, _below(path, name), "Member must not be null")
        for name, part in value.items():
            if part is not None and name in shape.members:
                yield from _problems(shape.members[name], part, _below(path, name))
    elif kind == "list":
        yield from (_failed(value, path, constraint) for constraint in _broken(shape, value))
        if _is_scalar(shape.member):
            yield from _of_all(shape.member, value, value, path, "Member")
        else:
            for index, part in enumerate(value):
                yield from _problems(shape.member, part, f"{path}.{index + 1}.member")
    elif kind == "map":
        yield from (_failed(value, path, constraint) for constraint in _broken(shape, value))
        yield from _of_all(shape.key, value, value, path, "Map keys")
        if _is_scalar(shape.value):
            yield from _of_all(shape.value, value.values(), value, path, "Map value")
        else:
            for name, part in value.items():
                yield from _problems(shape.value, part, f"{path}.{name}.member")
    else:
        yield from (_failed(value, path, constraint) for constraint in _broken(shape, value))


def _of_all(shape: Any, parts: Iterable[Any], whole: Any, path: str, what: str) -> Iterator[str]:
    """Plain values inside a list or map: told at once for all of them, with everything that is asked of each."""
    broken = False
    for part in parts:
        _need_type(shape, part)
        broken = broken or bool(_broken(shape, part))
    if broken:
        every = [words for words, _ in _constraints(shape)]
        yield _failed(whole, path, f"{what} must satisfy constraint: [{', '.join(every)}]")


def _broken(shape: Any, value: Any) -> list[str]:
    return [words for words, holds in _constraints(shape) if not holds(value)]


def _constraints(shape: Any) -> list[tuple[str, Callable[[Any], bool]]]:
    """What a shape asks of a value of its type, in AWS's words and order."""
    told = shape.metadata
    number = shape.type_name in _NUMBERS
    measure: Callable[[Any], float] = float if number else len
    what = "value" if number else "length"
    found: list[tuple[str, Callable[[Any], bool]]] = []
    if (most := told.get("max")) is not None:
        found.append((f"Member must have {what} less than or equal to {most}", lambda value: measure(value) <= most))
    if (least := told.get("min")) is not None:
        words = f"Member must have {what} greater than or equal to {least}"
        found.append((words, lambda value: measure(value) >= least))
    if pattern := told.get("pattern"):
        words = f"Member must satisfy regular expression pattern: {pattern}"
        found.append((words, lambda value: matches(pattern, value)))
    if choices := told.get("enum"):
        words = f"Member must satisfy enum value set: [{', '.join(choices)}]"
        found.append((words, lambda value: value in choices))
    return found


_NUMBERS = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("String", (str,)),
    "boolean": ("Boolean", (bool,)),
    **{name: (java, (int, float)) for name, java in _NUMBERS.items()},
}


def _is_scalar(shape: Any) -> bool:
    return shape.type_name in _TYPES


def _need_type(shape: Any, value: Any) -> None:
    """Raise `SerializationException` for JSON of another type: AWS says no more about where it is."""
    kind = shape.type_name
    if kind in ("structure", "map") and not isinstance(value, Mapping):
        raise ApiError("SerializationException", "Expected map or null")
    if kind == "list" and not isinstance(value, list):
        raise ApiError("SerializationException", "Expected list or null")
    if kind not in _TYPES:
        return
    if isinstance(value, Mapping | list):
        found = "list" if isinstance(value, list) else "structure or map"
        raise ApiError("SerializationException", f"Start of {found} found where not expected.")
    java, types = _TYPES[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        token = f"{value!s}_VALUE".upper() if isinstance(value, bool) else "STRING_VALUE"
        token = "NUMBER_VALUE" if isinstance(value, int | float) and not isinstance(value, bool) else token
        article = "an" if java == "Integer" else "a"
        raise ApiError("SerializationException", f"{token} can not be converted to {article} {java}")


def _failed(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    """A value as Java shows it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_shown(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)


def _below(path: str, name: str) -> str:
    """`ResourceConfig` below `` is `resourceConfig`, as AWS names members in its messages."""
    own = name[:1].lower() + name[1:]
    return f"{path}.{own}" if path else own


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches; an expression that Python cannot read is not held against anybody."""
    compiled = _compiled(_CLASS.sub(lambda found: _members(found["name"], value), pattern))
    return compiled is None or compiled.fullmatch(value) is not None


def _members(name: str, value: str) -> str:
    """What stands for `\\p{name}` inside brackets: those characters of `value` that are in the class.

    Python has no such classes, and all characters of one would make a long expression. U+FFFF, which no text has,
    keeps the brackets from being empty.
    """
    if name == "Alnum":
        return "a-zA-Z0-9"
    chosen = {character for character in value if unicodedata.category(character).startswith(name)}
    return "\uffff" + "".join(map(re.escape, sorted(chosen)))


@functools.lru_cache(maxsize=2000)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    pattern = _REPEATED_END.sub("$", pattern)
    try:
        return re.compile(pattern, re.ASCII)  # as in Java, \w is of ASCII, and a dot is no line end
    except re.error:
        return None


def _shaped(shape: Any, value: Any) -> Any:
    """`value` as the shape has it; times as seconds since the epoch."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return {
            name: _shaped(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None
        }
    if kind == "list" and isinstance(value, list | tuple):
        return [_shaped(shape.member, part) for part in value]
    if kind == "map" and isinstance(value, Mapping):
        return {name: _shaped(shape.value, part) for name, part in value.items() if part is not None}
    if isinstance(value, datetime):
        return value.timestamp()
    return value
