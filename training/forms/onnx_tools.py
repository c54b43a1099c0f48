"""Where a model is converted to ONNX, where ONNX Runtime scores it, and where its skops file is made: here, or in two
processes beside this one.

Beside, their libraries are loaded while the job reads and fits, and are never in the memory of the job itself. The
processes are forks, so that scikit-learn is not loaded again; they are made before anything here uses threads. Their
pipes carry pickles between a process and its own forks, nothing from a file.
"""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

import numpy.typing as npt

from training.errors import TrainingError
from training.forms import onnx_form, skops_form
from training.forms.onnx_form import Input

PATIENCE = 5.0
"""Seconds that a process has to end once it is told to."""


class Tools(Protocol):
    """What makes an ONNX form and measures it: `convert` and `run` of `training.forms.onnx_form`; and the skops file:
    `packed` of `training.forms.skops_form`."""

    def convert(self, model: Any, inputs: Sequence[Input], *, exact: bool) -> bytes:
        """See `onnx_form.convert`."""

    def run(self, data: bytes, features: npt.NDArray[Any], inputs: Sequence[Input]) -> tuple[list[str], list[Any]]:
        """See `onnx_form.run`."""

    def packed(self, model: Any) -> tuple[bytes, list[str]]:
        """See `skops_form.packed`."""


class Here:
    """In this process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is under way."""

    def convert(self, model: Any, inputs: Sequence[Input], *, exact: bool) -> bytes:
        """See `onnx_form.convert`."""
        return onnx_form.convert(model, inputs, exact=exact)

    def run(self, data: bytes, features: npt.NDArray[Any], inputs: Sequence[Input]) -> tuple[list[str], list[Any]]:
        """See `onnx_form.run`."""
        return onnx_form.run(data, features, inputs)

    def packed(self, model: Any) -> tuple[bytes, list[str]]:
        """See `skops_form.packed`."""
        return skops_form.packed(model)


class Elsewhere(Exception):
    """What a process beside this one raised; `kind` is the name of its class."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Beside:
    """In processes of their own, which end with the block. Raises `Elsewhere` for what they raise, and TrainingError
    when one is gone (the kernel ends a process where memory is short)."""

    def __enter__(self) -> Self:
        self._converter = _Process(_load_converter, [])
        self._runner = _Process(_load_runtime, [self._converter])
        return self

    def __exit__(self, *_: object) -> None:
        self._converter.end()
        self._runner.end()

    def convert(self, model: Any, inputs: Sequence[Input], *, exact: bool) -> bytes:
        """See `onnx_form.convert`."""
        data: bytes = self._converter.call(onnx_form.convert, model, inputs, exact=exact)
        return data

    def run(self, data: bytes, features: npt.NDArray[Any], inputs: Sequence[Input]) -> tuple[list[str], list[Any]]:
        """See `onnx_form.run`."""
        found: tuple[list[str], list[Any]] = self._runner.call(onnx_form.run, data, features, inputs)
        return found

    def packed(self, model: Any) -> tuple[bytes, list[str]]:
        """See `skops_form.packed`. Raises TrainingError for a model that skops cannot keep."""
        try:
            found: tuple[bytes, list[str]] = self._runner.call(skops_form.packed, model)
        except Elsewhere as error:
            raise TrainingError(f"the model cannot be kept in skops form ({error.kind}: {error})") from error
        return found


class _Process:
    """A fork that waits for calls. It ends when its end of the pipe does: with this process, however that ends."""

    def __init__(self, load: Callable[[], None], earlier: Sequence[_Process]) -> None:
        context = multiprocessing.get_context("fork")
        self._turn = threading.Lock()
        self.ours, theirs = context.Pipe()
        others = [self.ours, *(process.ours for process in earlier)]  # held open, an end would never come
        self.process = context.Process(target=_serve, args=(theirs, load, others), daemon=True)
        with warnings.catch_warnings():
            # Python warns of a fork beside threads; those here are OpenBLAS' own, which prepares for one.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        theirs.close()

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What `function`, of a module, returns there."""
        try:
            with self._turn:
                self.ours.send((function, arguments, named))
                raised, result = self.ours.recv()
        except (EOFError, OSError) as error:
            self.process.join(PATIENCE)
            raise TrainingError(
                f"the process that makes the ONNX form ended with exit code {self.process.exitcode}; "
                "-9 is the kernel's where memory is short"
            ) from error
        if raised:
            raise Elsewhere(*result)
        return result

    def end(self) -> None:
        """Let it go, also in the middle of a call that nobody waits for any more."""
        self.ours.close()
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(pipe: Connection, load: Callable[[], None], others: Sequence[Connection]) -> None:
    for other in others:
        other.close()
    try:
        load()
    except ImportError:  # told by the call that needs it
        pass
    while True:
        try:
            function, arguments, named = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            answer = (False, function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - sent back
            answer = (True, (type(error).__name__, str(error)))
        pipe.send(answer)


def _load_converter() -> None:
    import skl2onnx  # noqa: F401


def _load_runtime() -> None:
    import onnxruntime  # noqa: F401
    import skops.io  # noqa: F401
