"""Packaging an existing model on this machine, without a stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mooring import local_run, output_folder
from mooring.artifact import Artifact
from mooring.local_run import require_data, scratch
from mooring.local_run_display import Progress
from providers.errors import InvalidInput, did_you_mean
from training.errors import TrainingError


def package(
    source: Path,
    output: Path,
    *,
    format: str = "",
    trust: bool = False,
    columns: Sequence[str] = (),
    force: bool = False,
    progress: Progress,
) -> Artifact:
    """Make the artifact folder `output` of the model `source`.

    Raises `NotFound`, `InvalidInput`, `AlreadyExists` for the arguments, and `JobFailed` with the reason why the
    model cannot be packaged.
    """
    from providers.local.environments.image_lists import DEFAULT
    from training.formats import FORMATS, detect, image_of

    require_data(source, "FILE")
    if format and format not in FORMATS:
        raise InvalidInput(f"--format: there is no format '{format}'{did_you_mean(format, FORMATS)}")
    try:
        image = image_of(source, format or detect(source)) or DEFAULT
    except (TrainingError, ValueError) as error:  # ValueError: a link in the folder
        raise InvalidInput(str(error)) from error
    arguments = [f"--input={source.resolve()}"]
    arguments += [f"--format={format}"] if format else []
    arguments += ["--trust"] if trust else []
    arguments += [f"--columns={','.join(columns)}"] if columns else []
    with output_folder.fresh(output, force=force) as building, scratch() as work:
        child = local_run.Child(
            "training.package", [*arguments, f"--output={building}"], image, prefix="packaging failed: "
        )
        local_run.run(child, work, progress)
    return Artifact.read(output)
