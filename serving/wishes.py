"""What a request asks for beside its rows: probabilities or none, warnings or none.

Said in the body's `parameters` (Vertex AI, Open Inference; MLflow: `params`), in the query, in SageMaker's
`X-Amzn-SageMaker-Custom-Attributes: probabilities=true`, or as a parameter of what is accepted
(`Accept: text/csv; probabilities=true`). What is not known is ignored, as clients send all kinds of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from serving.errors import RequestError
from serving.http import Request

ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
_NAMES = ("probabilities", "warnings")
_SAID = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Wishes:
    """`probabilities` and `warnings` are None where nothing was said: the protocol's own way is taken then."""

    probabilities: bool | None = None
    warnings: bool | None = None


NONE = Wishes()


def of_document(document: Any, request: Request, wishes: Wishes | None = None) -> Wishes:
    """The wishes of a JSON body, and of its request (`wishes` where they are known). Raises RequestError for a known
    one that is neither true nor false."""
    wishes = wishes or of_request(request)
    if type(document) is not dict or len(document) == 1:
        return wishes
    for key in ("parameters", "params"):
        given = document.get(key)
        if isinstance(given, Mapping):
            wishes = _with(wishes, given, f'"{key}"')
    return wishes


def of_request(request: Request) -> Wishes:
    """The wishes of a request's query and headers. Raises RequestError as `of_document` does."""
    wishes = NONE
    if request.query:
        wishes = _with(wishes, dict(parse_qsl(request.query, keep_blank_values=True)), "the query")
    for name, value in request.headers:
        if name == b"accept" and b";" in value:
            wishes = _with(wishes, _pairs(value), "the Accept header")
        elif name == ATTRIBUTES:
            wishes = _with(wishes, _pairs(value), "the custom attributes")
    return wishes


def _pairs(text: bytes) -> dict[str, str]:
    found = (part.partition("=") for part in text.decode("latin-1").replace(",", ";").split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in found}


def _with(wishes: Wishes, given: Mapping[str, Any], where: str) -> Wishes:
    for name in _NAMES:
        if name in given:
            value = given[name]
            said = _SAID.get(value.lower()) if isinstance(value, str) else value
            if not isinstance(said, bool):
                raise RequestError(f"{where}: {name} is {str(value)[:40]!r}; it is true or false")
            wishes = replace(wishes, **{name: said})
    return wishes
