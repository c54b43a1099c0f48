"""The functions of a user's module, and what stands for those that it lacks (`sagemaker_containers.transformer`)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from providers.aws.emulator.containers.content import TEXT_TYPES, UnsupportedFormatError, decode, encode
from providers.aws.emulator.containers.replies import Reply, refused, reply, with_charset

InputFn = Callable[[Any, str], Any]
NO_MODEL_FN = (
    "Please provide a model_fn implementation.\n"
    "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
)


def default_model_fn(model_dir: str) -> Any:
    """There is none: how a model is loaded only its author knows."""
    raise NotImplementedError(NO_MODEL_FN)


def default_input_fn(body: Any, content_type: str) -> Any:
    """An array; of 32-bit floats where the body is text."""
    array = decode(body, content_type)
    return array.astype(np.float32) if content_type in TEXT_TYPES else array


def default_predict_fn(data: Any, model: Any) -> Any:
    """What the model predicts."""
    return model.predict(data)


def default_output_fn(prediction: Any, accept: str) -> Reply:
    """The prediction in the type that was asked for."""
    body = encode(prediction, accept)
    return Reply(200, with_charset(accept), body.encode() if isinstance(body, str) else body)


class Transformer:
    """A loaded model and the functions around it. `workers` requests are worked on at once, the others wait."""

    def __init__(self, module: ModuleType, model_dir: Path, workers: int, input_fn: InputFn = default_input_fn) -> None:
        given = {name: getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
        self._transform_fn = getattr(module, "transform_fn", None)
        if self._transform_fn is not None and any(given.values()):
            raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        self._input_fn = given["input_fn"] or input_fn
        self._predict_fn = given["predict_fn"] or default_predict_fn
        self._output_fn = given["output_fn"] or default_output_fn
        self._free = threading.Semaphore(workers)
        self.execution_parameters_fn: Callable[[], Any] | None = getattr(module, "execution_parameters_fn", None)
        self._model = getattr(module, "model_fn", default_model_fn)(str(model_dir))

    def transform(self, body: bytes, content_type: str, accept: str) -> Reply:
        """One request. Raises whatever the user's functions raise."""
        content: Any = body.decode("utf-8", "replace") if content_type in TEXT_TYPES else body
        with self._free:
            if self._transform_fn is not None:
                return _made(self._transform_fn(self._model, content, content_type, accept))
            try:
                data = self._input_fn(content, content_type)
            except UnsupportedFormatError as error:
                return refused(error, 415)
            prediction = self._predict_fn(data, self._model)
            try:
                return _made(self._output_fn(prediction, accept))
            except UnsupportedFormatError as error:
                return refused(error, 406)


def _made(result: Any) -> Reply:
    return result if isinstance(result, Reply) else reply(result)
