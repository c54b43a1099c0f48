"""Change single values of a YAML text and leave every other byte as it is: comments, order, quotes, blank lines.

The text is parsed for the places of its nodes, and only the span of what changes is written anew. Every edit is
checked: the new text must mean the old data with exactly that change.
"""

from __future__ import annotations

import copy
from typing import Any

import yaml

from providers.errors import InvalidInput, NotSupported, Problem

Path = tuple[str | int, ...]
_WIDE = 2**31 - 1  # never fold a line


class YamlText:
    """A YAML mapping as text that can be edited. `label` names it in errors.

    Raises `InvalidInput` with line and column for what is not YAML, `NotSupported` at an edit of a text with
    anchors, whose values stand in more than one place.
    """

    def __init__(self, text: str, label: str) -> None:
        self.text, self.label = text, label
        self._root = _composed(text, label)
        self.data: dict[str, Any] = _constructed(self._root) or {}

    def set(self, path: Path, value: Any) -> None:
        """Give `path` the `value`; mappings on the way are made."""
        wanted = _with(self.data, path, value)
        self._change(self._text_with(path, value), wanted)

    def remove(self, path: Path) -> None:
        """Remove `path`, and the mappings that become empty by it, but for the top-level one. It must exist."""
        while len(path) > 2 and len(_at(self.data, path[:-1])) == 1:
            path = path[:-1]
        wanted = copy.deepcopy(self.data)
        del _at(wanted, path[:-1])[path[-1]]
        self._change(self._text_without(path), wanted)

    def _change(self, text: str, wanted: dict[str, Any]) -> None:
        """Take `text` if it means `wanted`."""
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(self.text)):
            raise NotSupported(f"{self.label} uses YAML anchors, which cannot be edited safely; change it by hand")
        root = _composed(text, self.label)
        data = _constructed(root) or {}
        if _without_nulls(data) != _without_nulls(wanted):
            raise NotSupported(f"{self.label} is written in a way that cannot be edited safely; change it by hand")
        self.text, self._root, self.data = text, root, data

    def _text_with(self, path: Path, value: Any) -> str:
        node, key, depth, in_flow = self._root, None, 0, False
        while depth < len(path):
            entry = _entry(node, path[depth])
            if entry is None:
                break
            in_flow |= bool(node.flow_style)
            key, node, depth = entry[0], entry[1], depth + 1
        if depth == len(path):
            return self._replaced(key, node, value, in_flow)
        nested = _nested(path[depth + 1 :], value)
        if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
            return self._appended(node, str(path[depth]), nested)
        if node is None or key is None:
            return _lines({str(path[0]): nested}, 0) + self.text
        container = _with(_constructed(node) or {}, path[depth:], value)
        return self._replaced(key, node, container, in_flow)

    def _text_without(self, path: Path) -> str:
        parent, key = self._root, None
        for part in path[:-1]:
            entry = _entry(parent, part)
            key, parent = entry if entry else (None, None)
        entry = _entry(parent, path[-1])
        if entry is None or parent.flow_style or not self._starts_line(entry[0]):
            container = _constructed(parent)
            del container[path[-1]]
            return self._replaced(key, parent, container)
        start = self._line_start(entry[0].start_mark.index)
        return self.text[:start] + self.text[self._line_end(_end(*entry)) :]

    def _replaced(self, key: Any, node: Any, value: Any, in_flow: bool = False) -> str:
        """The text with the value of `key` exchanged; `in_flow`: it stands inside `{…}` or `[…]`."""
        start, end = node.start_mark.index, _end(key, node)
        if _inline(node) and (in_flow or _inline_value(value, node)) and start < end:
            return self.text[:start] + _flow(value) + self.text[end:]
        if key is None:
            raise NotSupported(f"{self.label} is written in a way that cannot be edited safely; change it by hand")
        rendered = _lines({key.value: value}, key.start_mark.column).strip(" ").rstrip("\n")
        if self.text[end - 1 : end] == "\n":  # a block scalar's end is the next line's start
            rendered += "\n"
        return self.text[: key.start_mark.index] + rendered + self.text[end:]

    def _appended(self, node: Any, key: str, value: Any) -> str:
        """The text with one more key at the end of the block mapping `node`."""
        position = self._line_end(_end(*node.value[-1]))
        before = self.text[:position]
        newline = "" if before.endswith("\n") else "\n"
        return before + newline + _lines({key: value}, node.start_mark.column) + self.text[position:]

    def _starts_line(self, key: Any) -> bool:
        start = key.start_mark.index
        return not self.text[self._line_start(start) : start].strip()

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """The start of the line after the one that ends what stands before `index`."""
        if self.text[index - 1 : index] == "\n":
            return index
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1


def _composed(text: str, label: str) -> Any:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _constructed(root)
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark
        place = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InvalidInput([Problem(place, f"not valid YAML: {cause.problem}")]) from cause
    except yaml.YAMLError as cause:
        raise InvalidInput([Problem(label, f"not valid YAML: {cause}")]) from cause
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise InvalidInput([Problem(label, "must be a mapping with the key 'config'")])
    return root


def _constructed(node: Any) -> Any:
    """The data that a node means."""
    return None if node is None else yaml.constructor.SafeConstructor().construct_document(node)


def _entry(node: Any, part: str | int) -> tuple[Any, Any] | None:
    """Key node and value node of `part`; items of a list have no key, and are rewritten with their list."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    return None


def _end(key: Any, node: Any) -> int:
    """Where the text of a value ends, without the comments and blank lines after it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(*node.value[-1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(None, node.value[-1])
    end: int = node.end_mark.index
    return end


def _without_nulls(data: dict[str, Any]) -> dict[str, Any]:
    """Top-level keys without a value are as good as empty mappings."""
    return {key: {} if value is None else value for key, value in data.items()}


def _inline(node: Any) -> bool:
    """Whether a node stands on the line of its key, in a form that can be exchanged there."""
    if isinstance(node, yaml.ScalarNode):
        return node.style not in ("|", ">")
    return bool(node.flow_style)


def _inline_value(value: Any, node: Any) -> bool:
    return not isinstance(value, dict | list) or not value or (not isinstance(node, yaml.ScalarNode))


def _flow(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=_WIDE)
    return text.strip()[1:-1]


def _lines(value: dict[str, Any], indent: int) -> str:
    """A mapping as lines, each indented."""
    text = yaml.safe_dump(value, default_flow_style=False, sort_keys=False, allow_unicode=True, width=_WIDE)
    return "".join(" " * indent + line for line in text.splitlines(keepends=True))


def _nested(path: Path, value: Any) -> Any:
    for part in reversed(path):
        value = {part: value}
    return value


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _with(data: Any, path: Path, value: Any) -> Any:
    """A copy of `data` in which `path` is `value`. Raises `InvalidInput` for an index a list has not."""
    if not path:
        return copy.deepcopy(value)
    part, result = path[0], copy.deepcopy(data)
    if isinstance(part, int):
        if not isinstance(result, list) or not 0 <= part <= len(result):
            raise InvalidInput(f"there is no list item [{part}]")
        result[part : part + 1] = [_with(result[part] if part < len(result) else None, path[1:], value)]
        return result
    if result is None:
        result = {}
    if not isinstance(result, dict):
        raise InvalidInput(f"'{part}' cannot be set: what is there now has no keys of its own")
    result[part] = _with(result.get(part), path[1:], value)
    return result
