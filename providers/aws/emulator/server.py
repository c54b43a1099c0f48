"""The server: SageMaker and its runtime ours, all other services moto's, told apart by the signature's scope."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.http_handler import request_handler
from providers.aws.emulator.messages import Request, Scope, StartResponse, as_error
from providers.aws.emulator.moto.front import EverythingElse
from providers.aws.emulator.sagemaker import runtime
from providers.aws.emulator.sagemaker.service import SageMaker

HOST = "127.0.0.1"
HEALTH_PATH = "/_mooring/health"
LOOK_SECONDS = 0.2


class Emulator:
    """The WSGI application."""

    def __init__(self, home: Path, endpoint_url: str, cache: Path | None = None) -> None:
        self.sagemaker = SageMaker(home, endpoint_url, cache)
        self.rest = EverythingElse(home / "aws" / "moto")
        self.sagemaker.settle = self.rest.settle

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        if environ.get("PATH_INFO") == HEALTH_PATH:
            start_response("200 OK", [("Content-Length", "0")])
            return [b""]
        scope = Scope.of(environ)
        if scope.service != "sagemaker":
            return self.rest(environ, start_response, scope)
        request = Request.read(environ, scope)
        if request.headers.get("x-amz-target", "").startswith("SageMaker."):
            return self.sagemaker.answer(request).send(start_response)
        if runtime.concerns(request):
            return runtime.answer(self.sagemaker, request).send(start_response)
        reason = f"{request.method} {request.path} of SageMaker is not emulated by Mooring (docs/emulators.md)"
        return as_error(ApiError("NotImplementedException", reason, 501)).send(start_response)

    def close(self) -> None:
        """Write down what is not yet."""
        self.sagemaker.close()
        self.rest.close()


def serve(home: Path, port: int, cache: Path | None = None, stop: threading.Event | None = None) -> None:
    """Serve on loopback until `stop`."""
    from werkzeug.serving import make_server

    stop = stop or threading.Event()
    emulator = Emulator(home, f"http://{HOST}:{port}", cache)
    server = make_server(HOST, port, emulator, threaded=True, request_handler=request_handler())
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        emulator.sagemaker.resume()
        print(f"listening on http://{HOST}:{port}", flush=True)
        while not stop.is_set():
            time.sleep(LOOK_SECONDS)  # a signal that comes right before `stop.wait()` would not end it
    finally:
        emulator.sagemaker.work.stop()  # its threads may be in the middle of a call to this very server
        server.shutdown()
        emulator.close()
