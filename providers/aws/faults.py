"""AWS's errors in Mooring's tree: each is translated once, here, and keeps its cause.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from providers.errors import (
    AlreadyExists,
    ConflictError,
    InvalidInput,
    MooringError,
    NotFound,
    NotSupported,
    PermissionDenied,
    Unavailable,
)

_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthFailure",
     "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "ExpiredToken",
     "ExpiredTokenException", "OptInRequired", "403"}
)  # fmt: skip
_PASSING = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "ServiceUnavailable",
     "ServiceUnavailableException", "InternalFailure", "InternalError", "InternalServerException", "RequestTimeout",
     "SlowDown", "500", "503"}
)  # fmt: skip
_ABSENT = frozenset(
    {"NoSuchBucket", "NoSuchKey", "NoSuchEntity", "NotFound", "404", "ResourceNotFound", "ResourceNotFoundException",
     "RepositoryNotFoundException", "NoSuchVersion"}
)  # fmt: skip
_TAKEN = frozenset(
    {"ResourceInUse", "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "EntityAlreadyExists",
     "RepositoryAlreadyExistsException"}
)  # fmt: skip
_ABSENT_WORDS = ("could not find", "requested resource not found", "does not exist")
_TAKEN_WORDS = ("already existing", "already exists")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise Mooring's error for one of boto3's; `doing` says what was being done ("creating endpoint iris")."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _of(error, doing) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
        raise PermissionDenied(
            f"{doing}: there are no credentials of AWS ({error}); log in (`aws sso login`, `aws configure`), or try "
            "the stack with --emulate, which needs none"
        ) from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable(f"{doing}: AWS cannot be reached: {error}") from error
    except exceptions.ParamValidationError as error:
        raise InvalidInput(f"{doing}: {error}") from error
    except exceptions.BotoCoreError as error:
        raise MooringError(f"{doing}: {error}") from error


def code_of(error: Exception) -> str:
    """AWS's code of a `ClientError`; empty for anything else."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def message_of(error: Exception) -> str:
    """AWS's message of a `ClientError`, else the error's text."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Message") or error)


def is_absent(error: Exception) -> bool:
    """Whether AWS says that a thing is not there. SageMaker says so by a ValidationException."""
    return code_of(error) in _ABSENT or (
        code_of(error) == "ValidationException" and any(word in message_of(error).lower() for word in _ABSENT_WORDS)
    )


def _of(error: Exception, doing: str) -> MooringError:
    code, message = code_of(error), message_of(error)
    text = f"{doing}: {message}"
    if code in _DENIED:
        return PermissionDenied(text)
    if code in _PASSING:
        return Unavailable(text)
    if is_absent(error):
        return NotFound(text)
    if code in _TAKEN or (code == "ValidationException" and any(word in message.lower() for word in _TAKEN_WORDS)):
        return AlreadyExists(text)
    if code == "ConflictException":
        return ConflictError(text)
    if code in ("ResourceLimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"):
        return MooringError(f"{text} (a quota of the account; ask AWS for more, or use a smaller instance)")
    if code in ("NotImplementedException", "NotImplemented"):
        return NotSupported(text)
    return InvalidInput(text) if code == "ValidationException" else MooringError(f"{text} ({code})")
