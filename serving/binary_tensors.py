"""The binary tensor extension of the Open Inference Protocol: tensors as raw bytes behind the JSON.

Format: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md. The header
`Inference-Header-Content-Length` says how long the JSON is; then come the tensors that have `binary_data_size`, in
order, little-endian and row-major. BYTES elements are four bytes of length and the text each.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import RequestError
from serving.http import Reply, Request, decode, encode

LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"


def read(request: Request, datatypes: Mapping[str, str]) -> Any:
    """The JSON of a request, the data of its binary tensors put in as NumPy arrays.

    `datatypes` are NumPy's names of the protocol's. Raises RequestError where lengths do not fit.
    """
    said = request.header(LENGTH)
    if not said.isdecimal() or int(said) > len(request.body):
        raise RequestError(
            f"inference-header-content-length: '{said[:40]}' is not the length of the JSON in a body of "
            f"{len(request.body)} bytes"
        )
    document = decode(request.body[: int(said)])
    given = document.get("inputs") if isinstance(document, dict) else None
    place = int(said)
    for tensor in given if isinstance(given, list) else []:
        size = _size(tensor)
        if size is None:
            continue
        if place + size > len(request.body):
            raise RequestError(f"input '{tensor.get('name')}': the body ends before its {size} binary bytes")
        tensor["data"] = _values(tensor, request.body[place : place + size], datatypes)
        place += size
    if place != len(request.body):
        raise RequestError(f"the body has {len(request.body) - place} bytes more than its tensors say")
    return document


def wanted(document: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]]) -> set[str]:
    """Names of the outputs that the request wants in binary form."""
    everything = _parameter(document, "binary_data_output") is True
    asked = {
        entry["name"]: _parameter(entry, "binary_data")
        for entry in document.get("outputs") or []
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    }
    names = [str(output["name"]) for output in outputs]
    return {name for name in names if asked.get(name) is True or (everything and asked.get(name) is None)}


def reply(body: Mapping[str, Any], binary: set[str], rows: int) -> Reply:
    """The reply, the `binary` outputs behind its JSON."""
    parts: list[bytes] = []
    outputs: list[Any] = []
    for output in body["outputs"]:
        if output["name"] not in binary:
            outputs.append(output)
            continue
        parts.append(_bytes(output["data"], output["datatype"]))
        described = {key: value for key, value in output.items() if key != "data"}
        outputs.append({**described, "parameters": {"binary_data_size": len(parts[-1])}})
    head = encode({**body, "outputs": outputs})
    return Reply(b"".join([head, *parts]), content_type=OCTETS, rows=rows, headers=((LENGTH, str(len(head)).encode()),))


def _parameter(entry: Mapping[str, Any], name: str) -> Any:
    parameters = entry.get("parameters")
    return parameters.get(name) if isinstance(parameters, dict) else None


def _size(tensor: Any) -> int | None:
    size = _parameter(tensor, "binary_data_size") if isinstance(tensor, dict) else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError(f"input '{tensor.get('name')}': binary_data_size is not a number of bytes")
    if "data" in tensor:
        raise RequestError(f"input '{tensor.get('name')}' has both \"data\" and binary data")
    return size


def _values(tensor: Mapping[str, Any], raw: bytes, datatypes: Mapping[str, str]) -> npt.NDArray[Any]:
    name, datatype = tensor.get("name"), tensor.get("datatype")
    kind = datatypes.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        return np.empty(0, dtype=object)  # the datatype is refused where all are checked
    if kind == "string":
        return _texts(str(name), raw)
    dtype = np.dtype(kind).newbyteorder("<")
    if len(raw) % dtype.itemsize:
        raise RequestError(f"input '{name}': {len(raw)} bytes are no whole number of {datatype} values")
    return np.frombuffer(raw, dtype=dtype)


def _texts(name: str, raw: bytes) -> npt.NDArray[Any]:
    found: list[str] = []
    place = 0
    while place < len(raw):
        end = place + 4 + (struct.unpack_from("<I", raw, place)[0] if place + 4 <= len(raw) else len(raw))
        if end > len(raw):
            raise RequestError(f"input '{name}': its binary data ends inside value {len(found)}")
        try:
            found.append(raw[place + 4 : end].decode())
        except UnicodeDecodeError:
            raise RequestError(f"input '{name}', value {len(found)}: not UTF-8 text") from None
        place = end
    values = np.empty(len(found), dtype=object)
    values[:] = found
    return values


def _bytes(data: Any, datatype: str) -> bytes:
    if datatype != "BYTES":
        array = np.ascontiguousarray(data)
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = [text.encode() if isinstance(text, str) else bytes(text) for text in data]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)
