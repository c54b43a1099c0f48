"""`python -m training.package --input PATH [--format F] [--trust] --output DIR`: an existing model as an artifact.

Takes an ONNX file, a skops, joblib or pickle file, a model of XGBoost, LightGBM or Keras, an MLflow folder, a
model.tar.gz, or a folder with one of these; an artifact is verified and copied as it is, so that its digest stays.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.artifact.digest import file_digest, tree_digest
from training.errors import TrainingError, nearest
from training.formats import FORMATS, detect, single_model


def package(
    source: Path, output: Path, *, kind: str | None = None, trust: bool = False, columns: Sequence[str] = ()
) -> str:
    """Make the artifact folder `output` of the model `source`, and return its digest.

    `kind` is one of FORMATS, told from the ending and the first bytes when it is None. `columns` name the
    model's columns where it does not itself. Raises TrainingError for anything that cannot be served.
    """
    if not source.exists():
        raise TrainingError(f"{source}: no such file or folder")
    kind = kind or detect(source)
    if kind == "tar":
        return _package_archive(source, output, trust=trust, columns=columns)
    if kind == "mooring":
        return _copy(source, output, trust=trust)
    if source.is_dir() and kind != "mlflow":
        source = single_model(source, kind)
    return _write(source, output, kind, _parts(source, kind, trust=trust, columns=columns))


def _parts(source: Path, kind: str, *, trust: bool, columns: Sequence[str]) -> Any:
    if kind == "onnx":
        from training.forms.onnx_model import from_onnx

        return from_onnx(source, columns)
    if kind == "mlflow":
        from training.forms.mlflow_model import from_mlflow

        return from_mlflow(source, trust=trust, columns=columns)
    if kind in ("xgboost", "lightgbm"):
        from training.forms.boosting_model import from_lightgbm, from_xgboost

        return (from_xgboost if kind == "xgboost" else from_lightgbm)(source, columns)
    if kind == "keras":
        from training.forms.keras_model import from_keras

        return from_keras(source, trust=trust, columns=columns)
    from training.forms.sklearn_model import from_pickle, from_skops

    if kind == "skops":
        return from_skops(source, trust=trust, columns=columns)
    return from_pickle(source, "joblib" if kind == "joblib" else "pickle", trust=trust, columns=columns)


def _write(source: Path, output: Path, kind: str, parts: Any) -> str:
    from training.artifact.manifest import as_json, write_artifact
    from training.artifact.records import model_card
    from training.workflow import now

    origin = tree_digest(source, exclude=()) if source.is_dir() else file_digest(source)
    files = {
        **parts.files,
        "signature.json": as_json(parts.signature),
        "metrics.json": as_json({}),
        "lineage.json": as_json({"source": {"file": source.name, "format": kind, "digest": origin}}),
        "model_card.md": model_card(parts.manifest, parts.signature, {}),
    }
    return write_artifact(output, parts.manifest, files, {"run": os.environ.get("MOORING_JOB_ID", ""), "ended": now()})


def _copy(source: Path, output: Path, *, trust: bool) -> str:
    """An artifact stays what it is: verified, then copied byte by byte. What it would execute needs trust again:
    its manifest is somebody else's word."""
    from training.artifact.manifest import verify
    from training.forms.sklearn_model import needs_trust

    if not source.is_dir():
        raise TrainingError(f"{source.name}: not a folder; a model artifact is a folder with a mooring-model.json")
    try:
        manifest = verify(source)
    except ValueError as error:
        raise TrainingError(str(error)) from error
    if not trust and (reason := needs_trust(manifest)):
        raise TrainingError(
            f"{source.name}: the artifact {reason}; pass --trust (trust: true in the stack file) if it is yours"
        )
    if output.is_dir() and any(output.iterdir()):
        raise TrainingError(f"{output}: the output folder is not empty; name a new one")
    shutil.copytree(source, output, dirs_exist_ok=True)
    return tree_digest(output)


def _package_archive(source: Path, output: Path, *, trust: bool, columns: Sequence[str]) -> str:
    from training.artifact.archive import unpack

    with tempfile.TemporaryDirectory(prefix="mooring-") as scratch:
        folder = Path(scratch) / source.name.partition(".")[0]
        folder.mkdir()
        unpack(source, folder)
        entries = list(folder.iterdir())
        inner = entries[0] if len(entries) == 1 and entries[0].is_dir() else folder
        return package(inner, output, trust=trust, columns=columns)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code. The last line of standard error says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m training.package", description="Package an existing model.")
    parser.add_argument("--input", type=Path, required=True, help="model file or folder")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives the artifact")
    parser.add_argument("--format", help=f"one of {', '.join(FORMATS)}; told from the file when absent")
    parser.add_argument("--trust", action="store_true", help="run the code that a pickle holds")
    parser.add_argument("--columns", default="", help="names of the model's columns, separated by commas")
    options = parser.parse_args(arguments)
    columns = [name.strip() for name in options.columns.split(",") if name.strip()]
    try:
        if options.format and options.format not in FORMATS:
            raise TrainingError(f"--format: '{options.format}' is unknown{nearest(options.format, FORMATS)}")
        digest = package(options.input, options.output, kind=options.format, trust=options.trust, columns=columns)
    except TrainingError as error:
        print(f"packaging failed: {error}", file=sys.stderr)
        return 1
    except (OSError, zlib.error) as error:
        print(f"packaging failed: {error}", file=sys.stderr)
        return 1
    print(f"model written: {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
