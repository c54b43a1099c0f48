"""CloudWatch's metric math: numbers, metrics by their ids, `+ - * / ^`, comparisons, and the functions in `FUNCTIONS`.

A metric is its datapoints by the start of their period; where one of two has none, the outcome has none.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

Points = dict[float, float]
"""Start of a period in seconds since the epoch, to value."""
Value = Points | float | list[Points]


class BadExpression(ValueError):
    """An expression that cannot be read, or uses what is not emulated."""


def evaluate(expression: str, metrics: Mapping[str, Points], starts: Collection[float]) -> Points:
    """The datapoints of an expression in the periods that begin at `starts`. Raises BadExpression."""
    value = _Evaluation(metrics, starts).of(_parse(expression))
    if isinstance(value, list):
        raise BadExpression(f"'{expression}' is several metrics and not one")
    return value if isinstance(value, dict) else dict.fromkeys(starts, value)


def names(expression: str) -> set[str]:
    """The ids of metrics in it. Raises BadExpression where it could not be evaluated."""
    tree = _parse(expression)
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - FUNCTIONS.keys()
    evaluate(expression, {name: {} for name in found}, ())
    return found


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise BadExpression(f"'{expression}' cannot be read as metric math") from error


class _Evaluation:
    def __init__(self, metrics: Mapping[str, Points], starts: Collection[float]) -> None:
        self.metrics, self.starts = metrics, starts

    def of(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self.metrics:
                return self.metrics[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _each(operator.neg, self.of(operand))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
                return _each(_SIGNS[type(sign)], self.of(left), self.of(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
                return _each(_COMPARISONS[type(sign)], self.of(left), self.of(right))
            case ast.List(elts=parts):
                return [points for part in parts if isinstance(points := self.of(part), dict)]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return FUNCTIONS[name](self.starts, [self.of(argument) for argument in arguments])
        raise BadExpression(f"'{ast.unparse(node)}' in metric math is not emulated by Mooring (docs/emulators.md)")


def _each(function: Callable[..., float], *values: Value) -> Value:
    """A function of single values over all datapoints that there are in each of `values`."""
    if any(isinstance(value, list) for value in values):
        raise BadExpression("a list of metrics stands where one metric is needed")
    points = [value for value in values if isinstance(value, dict)]
    if not points:
        return _called(function, *values)
    starts = set(points[0]).intersection(*points[1:])
    found = {s: _called(function, *(v[s] if isinstance(v, dict) else v for v in values)) for s in sorted(starts)}
    return {start: value for start, value in found.items() if math.isfinite(value)}


def _called(function: Callable[..., float], *values: Any) -> float:
    try:
        return float(function(*values))
    except (ZeroDivisionError, OverflowError, TypeError):
        return math.nan  # no datapoint


def _fill(starts: Collection[float], arguments: list[Value]) -> Value:
    if len(arguments) == 2 and isinstance(points := arguments[0], dict) and isinstance(value := arguments[1], float):
        return {start: points.get(start, value) for start in starts}
    raise BadExpression("FILL takes a metric and a number here")


def _if(starts: Collection[float], arguments: list[Value]) -> Value:
    if len(arguments) != 3:
        raise BadExpression("IF takes a condition and two values")
    return _each(lambda condition, yes, no: yes if condition else no, *arguments)


Function = Callable[[Collection[float], list[Value]], Value]


def _single(function: Callable[[float], float]) -> Function:
    """A function of one metric or number."""

    def apply(starts: Collection[float], arguments: list[Value]) -> Value:
        if len(arguments) != 1:
            raise BadExpression("ABS, CEIL and FLOOR take one metric")
        return _each(function, arguments[0])

    return apply


def _over(function: Callable[[list[float]], float]) -> Function:
    """A function over several metrics, period by period, with those that have a datapoint in it."""

    def apply(starts: Collection[float], arguments: list[Value]) -> Value:
        several = arguments[0] if len(arguments) == 1 else None
        if not isinstance(several, list):
            raise BadExpression("SUM, AVG, MIN and MAX take a list of metrics here: SUM([m1, m2])")
        with_any = sorted({start for points in several for start in points})
        return {start: function([points[start] for points in several if start in points]) for start in with_any}

    return apply


_SIGNS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Function] = {
    "ABS": _single(abs),
    "CEIL": _single(math.ceil),
    "FLOOR": _single(math.floor),
    "FILL": _fill,
    "IF": _if,
    "SUM": _over(sum),
    "AVG": _over(lambda values: sum(values) / len(values)),
    "MIN": _over(min),
    "MAX": _over(max),
}
