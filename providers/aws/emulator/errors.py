"""Errors as AWS words them."""

from __future__ import annotations


class ApiError(Exception):
    """What a request is refused with: AWS's error code, its message, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def validation(message: str) -> ApiError:
    """`ValidationException`: SageMaker's word for nearly everything that is wrong with a request."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """`ResourceNotFound`, which jobs answer where other kinds answer `ValidationException`."""
    return ApiError("ResourceNotFound", message)


def in_use(message: str) -> ApiError:
    """`ResourceInUse`: a name that is taken, or something that is needed elsewhere."""
    return ApiError("ResourceInUse", message)


def missing(arn: str) -> ApiError:
    """The answer for a model, an endpoint or a configuration that there is not."""
    kind = arn.split(":")[5].partition("/")[0].replace("-", " ")
    return validation(f'Could not find {kind} "{arn}".')
