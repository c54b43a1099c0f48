"""Werkzeug's handler of requests, with connections that stay open where an invocation would pay for a new one."""

from __future__ import annotations

import io
import sys
import traceback
from typing import Any

SAGEMAKER = "/sagemaker/aws4_request"
"""What the signature of a request to SageMaker or its runtime says."""


def request_handler() -> Any:
    """The class of the handler; moto is loaded with it."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
        """Nothing is printed for a request. Werkzeug itself closes each connection, since it cannot know whether an
        application has read the whole request; SageMaker's are read here first, and their connections kept."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_request(self, *arguments: Any, **named: Any) -> None:
            """Nothing: a request is not news."""

        def run_wsgi(self) -> None:
            """One request."""
            if SAGEMAKER in self.headers.get("Authorization", "") and "Transfer-Encoding" not in self.headers:
                self._keeping_the_connection()
            else:
                super().run_wsgi()

        def _keeping_the_connection(self) -> None:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            environ = self.make_environ()
            started: list[tuple[str, list[tuple[str, str]]]] = []
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
                started[:] = [(status, headers)]

            try:
                body = b"".join(self.server.app(environ, start_response))
                status, headers = started[0]
            except Exception:  # noqa: BLE001 - a defect of ours: told as one, and the server goes on
                traceback.print_exc(file=sys.stderr)
                body, status, headers = b"", "500 Internal Server Error", [("Content-Length", "0")]
                self.close_connection = True
            kept = "close" if self.close_connection else "keep-alive"
            lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}", f"Connection: {kept}",
                     *(f"{name}: {value}" for name, value in headers)]  # fmt: skip
            try:
                self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            except OSError:
                self.close_connection = True  # the client has left

    return Handler
