"""ONNX models whose weights lie in files beside them, as torch.onnx and MLflow write them: made one file.

Format: https://onnx.ai/onnx/repo-docs/ExternalData.html. A location is relative to the model's own folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.errors import TrainingError

LARGEST = 2**31 - 1
"""Bytes that one protobuf message can hold."""


def embed(path: Path, model: Any) -> bytes:
    """The bytes of a model with all its weights inside. `model` is the parsed file; it is filled in.

    Raises TrainingError for weights that are missing, outside the folder, truncated or too large for one file.
    """
    from onnx import external_data_helper

    folder = path.parent.resolve()
    size = 0
    for tensor in _external(model):
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        place = folder / location
        if not location or not place.resolve().is_relative_to(folder):
            raise TrainingError(f"{path.name}: keeps weights outside its folder ('{location}'); save it as one file")
        if not place.is_file():
            raise TrainingError(
                f"{path.name}: keeps its weights in '{location}', which is not beside it; name the folder that holds "
                "both, or save it as one file"
            )
        size += place.stat().st_size
    try:
        external_data_helper.load_external_data_for_model(model, str(folder))
        data: bytes = model.SerializeToString()
    except Exception as error:
        if size > LARGEST:
            raise TrainingError(f"{path.name}: its weights are over 2 GiB, more than one ONNX file can hold") from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise TrainingError(f"{path.name}: its weights cannot be read ({lines[0][:200]})") from error
    return data


def has_external(model: Any) -> bool:
    """Whether any of its weights lie in another file."""
    return next(_external(model), None) is not None


def _external(model: Any) -> Iterator[Any]:
    """The tensors whose bytes are elsewhere: initializers, and constants of nodes, subgraphs included."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        found = list(graph.initializer)
        for node in graph.node:
            for attribute in node.attribute:
                found += [attribute.t, *attribute.tensors]
                graphs += [attribute.g, *attribute.graphs] if attribute.g.node or attribute.graphs else []
        yield from (tensor for tensor in found if tensor.data_location == tensor.EXTERNAL)
