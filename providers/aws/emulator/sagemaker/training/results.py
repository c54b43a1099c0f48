"""What a training job leaves: its model, its output, or why it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files
from providers.aws.emulator.sagemaker import permissions
from providers.aws.emulator.sagemaker.training import container
from providers.aws.emulator.state import Thing
from providers.local.jobs.job_records import JobRecord

OUT_OF_MEMORY = 137
LONGEST = 1024


def upload(job: Thing, s3: Any, folders: list[Path]) -> None:
    """`model.tar.gz` of the first machine, and `output.tar.gz`, where they hold anything. Raises `TransferError`."""
    config = job["OutputDataConfig"]
    target = f"{config['S3OutputPath'].rstrip('/')}/{job['TrainingJobName']}/output"
    base = container.base_of(folders[0])
    permissions.require_writing(job["RoleArn"], target)
    for name, folder in (("model.tar.gz", base / "model"), ("output.tar.gz", base / "output" / "data")):
        if not folder.is_dir() or not any(folder.iterdir()):
            continue
        if config.get("CompressionType") == "NONE":
            s3_files.upload_folder(s3, folder, f"{target}/{name.partition('.')[0]}", config.get("KmsKeyId"))
        else:
            s3_files.upload_folder_as_tar(s3, folder, f"{target}/{name}", config.get("KmsKeyId"))


def failure_reason(base: Path, record: JobRecord) -> str:
    """`FailureReason` as AWS makes it: what the container left in `output/failure`, and its exit code."""
    if record.exit_code == OUT_OF_MEMORY:
        return (
            "ClientError: Please use an instance type with more memory, or reduce the size of training data processed "
            "on an instance., exit code: 137"
        )
    try:
        said = (base / "output" / "failure").read_text(encoding="utf-8", errors="replace").strip()[:LONGEST]
    except OSError:
        said = record.reason
    code = "" if record.exit_code is None else f", exit code: {record.exit_code}"
    return f"AlgorithmError: {said[: LONGEST - len('AlgorithmError: ') - len(code)]}{code}"
