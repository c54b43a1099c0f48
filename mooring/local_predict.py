"""Predictions of a file with a model's folder, on this machine, without a stack or a server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring import local_run
from mooring.artifact import Artifact
from mooring.local_run import require_data, scratch
from mooring.local_run_display import Progress
from providers.errors import InvalidInput, did_you_mean

FORMATS = ("csv", "json", "jsonl", "parquet")
PICTURES = ("npz", "pictures")
"""Formats of an input only."""
PICTURE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@dataclass(frozen=True)
class Wanted:
    """What is asked of which model. Without `output` the predictions alone come back."""

    model: Path
    input: Path
    format: str = ""
    output: Path | None = None
    output_format: str = ""
    probabilities: bool = False

    @property
    def output_as(self) -> str:
        """The output's format. Raises `InvalidInput` where neither the option nor the ending tells it."""
        if self.output is None:
            return "jsonl"
        return format_of(self.output, self.output_format, "--output", "--output-format")


@dataclass(frozen=True)
class Predicted:
    """What came back: `lines` are JSON, a row each; none where a file was written."""

    artifact: Artifact
    count: int
    lines: list[str]

    def rows(self) -> Iterator[dict[str, Any]]:
        """`prediction`, and `probabilities` by class where they were asked for."""
        return map(json.loads, self.lines)


def format_of(path: Path, named: str, option: str, format_option: str) -> str:
    """A file's format, as named, else by its ending. Raises `InvalidInput`."""
    if named and named not in FORMATS:
        raise InvalidInput(f"{format_option}: there is no format '{named}'{did_you_mean(named, FORMATS)}")
    if found := named or ENDINGS.get(path.suffix.lower(), ""):
        return found
    raise InvalidInput(
        f"{option} {path}: '{path.suffix}' is none of {', '.join(ENDINGS)}; say which with {format_option}"
    )


def input_format(path: Path, named: str) -> str:
    """An input's format, as named, else by what it is. Raises `InvalidInput`."""
    if named in PICTURES:
        return named
    if not named and path.suffix.lower() == ".npz":
        return "npz"
    if not named and (path.is_dir() or path.suffix.lower() in PICTURE_FILES):
        return "pictures"
    return format_of(path, named, "--input", "--format")


def predict(wanted: Wanted, progress: Progress) -> Predicted:
    """Predict every row, or raise `JobFailed` that names the wrong ones; an output file is whole or absent."""
    artifact = Artifact.read(wanted.model)
    with scratch() as work, _input(wanted, work) as (source, format):
        output = work / f"predictions.{wanted.output_as}"
        arguments = [f"--model={artifact.folder.resolve()}", f"--input={source}", f"--output={output}"]
        arguments += [f"--format={format}", f"--output-format={wanted.output_as}"]
        arguments += ["--probabilities"] if wanted.probabilities else []
        arguments += [] if wanted.output else ["--bare"]
        child = local_run.Child("serving.offline", arguments, artifact.image, prefix="prediction failed: ")
        told = local_run.run(child, work, progress)
        count = int(told[-1].split()[0])
        if wanted.output is None:
            return Predicted(artifact, count, output.read_text(encoding="utf-8").splitlines())
        _put(output, wanted.output)
    return Predicted(artifact, count, [])


@contextmanager
def _input(wanted: Wanted, work: Path) -> Iterator[tuple[Path, str]]:
    """The input as a file, and its format; what comes on stdin is kept in one."""
    if str(wanted.input) != "-":
        require_data(wanted.input, "--input")
        source = _unpacked(wanted.input.resolve(), work)
        yield source, input_format(source if source.parent == work else wanted.input, wanted.format)
        return
    from mooring.input_rows import guessed

    text = sys.stdin.read()
    source = work / "stdin"
    source.write_text(text, encoding="utf-8")
    yield source, wanted.format or guessed(text)


def _unpacked(source: Path, work: Path) -> Path:
    """The file, or what is in it where it is compressed, unpacked to `work`. Raises `InvalidInput`."""
    from training.data import compressed
    from training.errors import TrainingError

    if not source.is_file() or not compressed.is_packed(source):
        return source
    if source.suffix.lower() == ".zst":
        raise InvalidInput(f"--input {source.name}: unpack it first; .gz and .zip are unpacked by themselves")
    try:
        return compressed.unpack(source, work / compressed.plain_name(source))
    except TrainingError as error:
        raise InvalidInput(f"--input {error}") from error


def _put(written: Path, output: Path) -> None:
    """Move the file to its place, where it appears as a whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.is_dir():
        raise InvalidInput(f"--output {output}: a folder; name a file")
    beside = output.with_name(f".{output.name}.part")
    shutil.move(written, beside)
    beside.replace(output)


def document(wanted: Wanted, found: Predicted) -> dict[str, Any]:
    """`--json`, with the names of an endpoint's reply."""
    told: dict[str, Any] = {"model": str(wanted.model), "digest": found.artifact.digest, "rows": found.count}
    if wanted.output is not None:
        return told | {"output": str(wanted.output)}
    rows = list(found.rows())
    told["predictions"] = [row["prediction"] for row in rows]
    if wanted.probabilities:
        told["classes"] = found.artifact.prediction.get("classes")
        told["probabilities"] = [list(row["probabilities"].values()) for row in rows]
    return told
