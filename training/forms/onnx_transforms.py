"""The classes of mooring_transforms in ONNX, in the precision that they compute in themselves.

The calendar is not written a second time: its formula runs on a `Symbol`, which puts down a node of the graph for
each operation instead of computing it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

OPERATORS = {np.floor: "Floor", np.sin: "Sin", np.cos: "Cos"}
"""NumPy's functions that a Symbol knows, and ONNX's."""


class Symbol:
    """One column of doubles in the graph, [rows, 1]."""

    def __init__(self, graph: Any, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Any) -> Symbol:
        return self._node("Add", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self._node("Add", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self._node("Sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self._node("Sub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self._node("Mul", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return self._node("Mul", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        return self._node("Div", self, other)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **further: Any) -> Any:
        if method != "__call__" or function not in OPERATORS or further:
            return NotImplemented
        return self._node(OPERATORS[function], *inputs)

    def _node(self, operator: str, *inputs: Any) -> Symbol:
        return Symbol(self.graph, self.graph.node(operator, [self.graph.named(given) for given in inputs]))


class Graph:
    """Where the nodes go: skl2onnx's container, with its scope for names."""

    def __init__(self, scope: Any, container: Any) -> None:
        self.scope, self.container = scope, container
        self.constants: dict[float, str] = {}

    def node(self, operator: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Put down a node; the name of its output."""
        name = output or self.scope.get_unique_variable_name(operator.lower())
        self.container.add_node(operator, inputs, [name], op_version=13, **attributes)
        return name

    def named(self, value: Any) -> str:
        """The name of a symbol, or of a constant."""
        from onnx import TensorProto

        if isinstance(value, Symbol):
            return value.name
        if value not in self.constants:
            self.constants[value] = self.scope.get_unique_variable_name("constant")
            self.container.add_initializer(self.constants[value], TensorProto.DOUBLE, [1], [float(value)])
        return self.constants[value]


def converters() -> tuple[dict[type[Any], Any], dict[type[Any], Any]]:
    """Shape calculators and conversion functions, by class."""
    from mooring_transforms.dates import DateParts
    from mooring_transforms.images import PixelScale

    return (
        {DateParts: _shape_of_parts, PixelScale: _shape_of_pixels},
        {DateParts: _parts, PixelScale: _pixels},
    )


def _shape_of_parts(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    from mooring_transforms.moments import PERIODS

    model = operator.raw_operator
    width = sum(2 if model.cyclic and name in PERIODS else 1 for name in model.parts)
    operator.outputs[0].type = DoubleTensorType([None, width * len(model.origin_)])


def _parts(scope: Any, operator: Any, container: Any) -> None:
    from onnx import TensorProto
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.operator_converters.common import concatenate_variables

    from mooring_transforms.moments import named_parts

    if not all(isinstance(given.type, DoubleTensorType) for given in operator.inputs):
        raise NotImplementedError("seconds since 1970 in single precision")
    model = operator.raw_operator
    graph = Graph(scope, container)
    joined = concatenate_variables(scope, operator.inputs, container)
    names: list[str] = []
    for at, origin in enumerate(model.origin_.tolist()):
        place = scope.get_unique_variable_name("place")
        container.add_initializer(place, TensorProto.INT64, [1], [at])
        column = graph.node("Gather", [joined, place], axis=1)
        found: Any = named_parts(Symbol(graph, column), origin, model.parts, model.cyclic)
        names += [part.name for part in found]
    graph.node("Concat", names, operator.outputs[0].full_name, axis=1)


def _shape_of_pixels(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].type = FloatTensorType([None, operator.raw_operator.n_features_in_])


def _pixels(scope: Any, operator: Any, container: Any) -> None:
    from onnx import TensorProto
    from skl2onnx.operator_converters.common import concatenate_variables

    graph = Graph(scope, container)
    joined = concatenate_variables(scope, operator.inputs, container)
    single = graph.node("Cast", [joined], to=TensorProto.FLOAT)
    divisor = scope.get_unique_variable_name("divisor")
    container.add_initializer(divisor, TensorProto.FLOAT, [1], [operator.raw_operator.divisor_])
    graph.node("Div", [single, divisor], operator.outputs[0].full_name)
