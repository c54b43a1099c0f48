"""What a job's role must allow, asked of the emulated IAM: before the job where SageMaker asks then, else in it."""

from __future__ import annotations

from providers.aws.emulator.errors import validation
from providers.aws.emulator.moto import roles
from providers.aws.emulator.s3_files import TransferError, split_uri


def require_role(region: str, role: str) -> None:
    """Raise ApiError, in AWS's words, for a role that SageMaker may not assume (yet)."""
    if problem := roles.role_problem(region, role):
        raise validation(problem)


def require_model_access(region: str, role: str, uri: str, *, below: bool) -> None:
    """Raise ApiError, in AWS's words, unless SageMaker may fetch a model's data as its role."""
    action = ("s3:GetObject", _arn(uri, below=below))
    if not roles.role_problem(region, role) and not roles.denied(role, [action]) and (not below or may_list(role, uri)):
        return
    raise validation(
        f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and that its trust '
        'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
        f'Also ensure that the role has "s3:GetObject" permissions and that the object is located in {region}. If your '
        'Model uses multiple models or uncompressed models, please ensure that the role has "s3:ListBucket" permission.'
    )


def may_list(role: str, uri: str) -> bool:
    """Whether the role may list what is below an S3 address."""
    bucket, prefix = split_uri(uri)
    return not roles.denied(role, [("s3:ListBucket", f"arn:aws:s3:::{bucket}")], {"s3:prefix": prefix})


def require_reading(role: str, uri: str, *, below: bool = True) -> None:
    """Raise `TransferError` unless the role may read an object, or those `below` a prefix."""
    _require(role, "s3:GetObject", uri, "Data download failed", below=below)


def require_writing(role: str, uri: str) -> None:
    """Raise `TransferError` unless the role may write below a prefix."""
    _require(role, "s3:PutObject", uri, "Artifact upload failed", below=True)


def may_read(role: str, uri: str) -> bool:
    """Whether the role may read one object."""
    return not roles.denied(role, [("s3:GetObject", _arn(uri, below=False))])


def _require(role: str, action: str, uri: str, what: str, *, below: bool) -> None:
    if roles.denied(role, [(action, _arn(uri, below=below))]):
        raise TransferError(
            f"ClientError: {what}:AccessDenied (403): Access Denied. The role {role} lacks {action} on {uri}"
        )


def _arn(uri: str, *, below: bool) -> str:
    bucket, key = split_uri(uri)
    return f"arn:aws:s3:::{bucket}/{key}" + ("" if not below or key.endswith("/") else "/") + ("*" if below else "")
