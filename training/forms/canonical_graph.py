"""An ONNX graph in one order and with one set of names, so that the same model gives the same bytes.

A converter keeps its nodes and constants in sets, and numbers names as it comes: two runs give two files of the same
graph. Here nodes follow from the outputs (what a node needs comes before it), and names are numbered in that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def canonical(model: Any) -> None:
    """Put the model's graph, and those inside its nodes, in order. Names of inputs and outputs stay."""
    graph = model.graph
    _order(graph)
    kept = {value.name: value.name for value in [*graph.input, *graph.output]}
    _rename(graph, kept, "")
    domains = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(domains)


def _order(graph: Any) -> list[str]:
    """Sort nodes and constants by how the outputs need them; names that come from the outside, in that order.

    What no output needs is left out.
    """
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    needed = [[*node.input, *(name for inner in _inner(node) for name in _order(inner))] for node in graph.node]
    constants = {tensor.name: tensor for tensor in graph.initializer}
    given = {value.name for value in graph.input}
    nodes: dict[int, None] = {}
    used: dict[str, None] = {}
    outside: dict[str, None] = {}
    waiting: list[tuple[str, int | None]] = [(value.name, None) for value in reversed(graph.output)]
    while waiting:  # depth first, without recursion: a network may be deeper than Python's stack
        name, done = waiting.pop()
        if done is not None:
            nodes[done] = None
        elif name in constants:
            used[name] = None
        elif (maker := makers.get(name)) is None:
            if name and name not in given:
                outside[name] = None
        elif maker not in nodes:
            waiting.append((name, maker))
            waiting += [(needs, None) for needs in reversed(needed[maker]) if makers.get(needs) not in nodes]
    ordered = [graph.node[place] for place in nodes]
    tensors = [constants[name] for name in used]
    copies = [_copy(node) for node in ordered], [_copy(tensor) for tensor in tensors]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(copies[0])
    graph.initializer.extend(copies[1])
    return list(outside)


def _copy(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _inner(node: Any) -> Iterator[Any]:
    """The graphs inside a node: the branches of an If, the body of a Loop."""
    for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
        if attribute.HasField("g"):
            yield attribute.g


def _rename(graph: Any, names: Mapping[str, str], prefix: str) -> None:
    """Number constants, values and nodes; `names` are those that are told already, also of the graphs around."""
    told = dict(names)
    for place, value in enumerate([*graph.input, *graph.initializer]):
        told.setdefault(value.name, f"{prefix}c{place}")
        value.name = told[value.name]
    for place, node in enumerate(graph.node):
        for at, name in enumerate(node.output):
            if name:
                told.setdefault(name, f"{prefix}v{place}" + (f"_{at}" if at else ""))
                node.output[at] = told[name]
        for at, name in enumerate(node.input):
            if name:
                node.input[at] = told[name]
        node.name, node.doc_string = f"{prefix}n{place}", ""
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        copies = [_copy(attribute) for attribute in attributes]
        del node.attribute[:]
        node.attribute.extend(copies)
        for inside, inner in enumerate(_inner(node)):
            inner.name = f"{prefix}n{place}_{inside}"
            _rename(inner, told, f"{inner.name}_")
    for value in graph.output:
        value.name = told[value.name]
