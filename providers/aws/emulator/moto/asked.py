"""What a request asks of which service, whatever protocol it speaks."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Scope

Protocol = Literal["json", "cbor", "query", "ec2", "rest-xml", "rest-json"]

SERVICES = {
    "application-autoscaling": "applicationautoscaling",
    "budgets": "budgets",
    "cloudtrail": "cloudtrail",
    "codebuild": "codebuild",
    "ec2": "ec2",
    "ecr": "ecr",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "s3control": "s3control",
    "sns": "sns",
    "sts": "sts",
}
"""The services that are offered: the name that requests are signed with, to moto's. No other is answered."""

GLOBAL = {"iam", "s3", "s3control", "sts", "budgets"}
"""moto's names of the services whose state belongs to no region."""

_READS = re.compile(r"(Get|List|Describe|Head|BatchGet|BatchCheck|Lookup|Filter|Simulate|Test|Validate)[A-Z]")
_UNSIGNED = re.compile(rb"(^|&)Action=AssumeRoleWith(SAML|WebIdentity)(&|$)")
_CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")
_FORM = "application/x-www-form-urlencoded"
_OTHER_REST_XML = {"cloudfront", "route53", "s3express", "s3-outposts", "s3-object-lambda"}


@dataclass(frozen=True)
class Asked:
    """A request that has been read whole.

    `service` is the name it was signed with (`s3control` apart), `operation` empty in the protocols that tell it by
    method and path, `parameters` those of a form or of the query string.
    """

    service: str
    region: str
    protocol: Protocol
    operation: str
    method: str
    path: str
    body: bytes = field(repr=False)
    environ: dict[str, Any] = field(repr=False)
    access_key: str = ""

    @classmethod
    def of(cls, environ: dict[str, Any], scope: Scope) -> Asked:
        """Read it, and leave the body in `environ` for the next reader."""
        body = _read(environ)
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        service = scope.service
        if service == "s3" and path.startswith("/v20180820/"):
            service = "s3control"
        elif not scope.access_key and method == "POST" and _UNSIGNED.search(body):
            service = "sts"
        protocol, operation = _protocol(service, environ, body)
        return cls(service, scope.region, protocol, operation, method, path, body, environ, scope.access_key)

    @property
    def backend(self) -> str:
        """moto's name of the service; empty when it is not offered."""
        return SERVICES.get(self.service, "")

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Parameters of a form, or of the query string; of several values the first."""
        text = self.body.decode(errors="replace") if self.protocol in ("query", "ec2") and self.body else ""
        pairs = parse_qs(text or self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return {name: values[0] for name, values in pairs.items()}

    @property
    def is_read(self) -> bool:
        """Whether nothing is changed by it, as far as its name or method tells. KMS makes keys when it is asked."""
        if self.service == "kms":
            return False
        return bool(_READS.match(self.operation)) if self.operation else self.method in ("GET", "HEAD", "OPTIONS")

    @property
    def bucket_and_key(self) -> tuple[str, str]:
        """Of a request to S3 in its path form."""
        bucket, _, key = unquote(self.path).lstrip("/").partition("/")
        return bucket, key

    @property
    def caller(self) -> str:
        """The ARN of who asks, as GetCallerIdentity tells it: all credentials are those of one user."""
        return f"arn:aws:sts::{ACCOUNT}:user/moto"

    def json(self) -> dict[str, Any]:
        """The body of a request in JSON. Raises ApiError when it is none."""
        try:
            given = json.loads(self.body or b"{}")
        except ValueError as error:
            raise ApiError("SerializationException", f"the body is not JSON: {error}") from error
        if not isinstance(given, dict):
            raise ApiError("SerializationException", "the body is no JSON object")
        return given

    def replace(self, body: bytes) -> None:
        """Have moto read another body."""
        _put(self.environ, body)

    def header(self, name: str) -> str:
        """A header's value; empty when there is none."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def named(self) -> str:
        """The operation's name for people: `PutBucketAnalyticsConfiguration`, else the method and path."""
        return self.operation or _routed(self) or f"{self.method} {self.path}"


def _read(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body = stream.read()
    else:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read(length) if length else b""
    _put(environ, body)
    return bytes(body)


def _put(environ: dict[str, Any], body: bytes) -> None:
    environ["wsgi.input"] = io.BytesIO(body)  # shares the bytes, as long as it is read whole
    environ["wsgi.input_terminated"] = True
    environ["CONTENT_LENGTH"] = str(len(body))


def _protocol(service: str, environ: dict[str, Any], body: bytes) -> tuple[Protocol, str]:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target and service not in ("s3", "s3control"):
        return "json", target.rpartition(".")[2]
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        found = _CBOR_PATH.search(environ.get("PATH_INFO", ""))
        return "cbor", found[1] if found else ""
    if service in ("s3", "s3control"):
        return "rest-xml", ""
    is_form = environ.get("CONTENT_TYPE", "").startswith(_FORM)
    text = body.decode(errors="replace") if is_form else environ.get("QUERY_STRING", "")
    if action := parse_qs(text).get("Action"):
        return "ec2" if service == "ec2" else "query", action[0]
    return "rest-xml" if service in _OTHER_REST_XML else "rest-json", ""


def _routed(asked: Asked) -> str:
    if asked.service not in ("s3", "s3control"):
        return ""
    from moto.core.request import Request
    from moto.core.routing import NotFound, get_service_router

    try:
        return str(get_service_router(asked.service).match(Request(dict(asked.environ)))[0].name)
    except (NotFound, NotImplementedError):
        return ""
