"""`launch.py --root DIR --port N --framework F`: one model behind HTTP.

`--root` holds `ml`, which is shown at `/opt/ml` where the system allows it, and what is installed beside it. The model
is loaded before the port is opened: a model that cannot be loaded ends the process, and never passes a health check.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Protocol

from providers.aws.emulator.containers import http_server, user_code, xgboost_model
from providers.aws.emulator.containers.content import ANY, JSON
from providers.aws.emulator.containers.handlers import Transformer, default_input_fn
from providers.aws.emulator.containers.http_server import Request
from providers.aws.emulator.containers.replies import Reply, broken, page, reply
from providers.aws.emulator.containers.settings import OPT_ML, Settings
from training.errors import TrainingError
from training.jobs.scripts import mounts


class Model(Protocol):
    """What answers requests. `execution_parameters_fn` tells a transform job how to ask, where there is one."""

    @property
    def execution_parameters_fn(self) -> object: ...

    def transform(self, body: bytes, content_type: str, accept: str) -> Reply: ...


def main(arguments: list[str]) -> int:
    """Serve until told to stop; the process's exit code."""
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--framework", choices=("scikit-learn", "xgboost", "own"), required=True)
    options = parser.parse_args(arguments)
    os.environ["SAGEMAKER_BIND_TO_PORT"] = str(options.port)
    settings = Settings.read(options.framework, _shown(options.root / "ml"), os.environ)
    log = "%(asctime)s %(levelname)s - %(name)s - %(message)s"
    logging.basicConfig(format=log, level=logging.INFO, stream=sys.stdout)
    try:
        model = _load(settings, options.root / "packages")
    except (TrainingError, user_code.UserCodeError) as error:
        print(f"Error handling request /ping: {error}", flush=True)
        return 1
    except Exception:  # noqa: BLE001 - the user's code: its traceback is what its author needs
        print("Error handling request /ping", flush=True)
        traceback.print_exc(file=sys.stdout)
        return 1
    print(f"Listening at: http://127.0.0.1:{options.port} ({os.getpid()})", flush=True)
    http_server.serve(options.port, lambda request: _answer(model, settings, request))
    return 0


def _shown(folder: Path) -> Path:
    """The folder at `/opt/ml`, for this process and its children only; itself where the system does not allow that."""
    if not mounts.available(OPT_ML):
        os.environ["SAGEMAKER_BASE_DIR"] = str(folder)
        return folder
    mounts.show(folder, OPT_ML)
    return Path(OPT_ML)


def _load(settings: Settings, packages: Path) -> Model:
    if settings.framework == "xgboost" and not settings.program:
        return xgboost_model.BareModel(settings.model)
    if settings.program:
        user_code.prepare(settings, packages, os.environ)
    input_fn = xgboost_model.input_fn if settings.framework == "xgboost" else default_input_fn
    return Transformer(user_code.load(settings, packages), settings.model, settings.workers, input_fn)


def _answer(model: Model, settings: Settings, request: Request) -> Reply:
    try:
        if request.path == "/ping":
            return Reply(200, JSON, b"") if request.method in ("GET", "HEAD") else _not_allowed()
        if request.path == "/invocations":
            return _invoke(model, settings, request) if request.method == "POST" else _not_allowed()
        if request.path == "/execution-parameters" and callable(model.execution_parameters_fn):
            return reply(model.execution_parameters_fn())
    except Exception:  # noqa: BLE001 - the user's code: its traceback goes to the log, the server goes on
        print(f"Exception on {request.path} [{request.method}]", flush=True)
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return broken()
    return page(404, "Not Found", "The requested URL was not found on the server.")


def _invoke(model: Model, settings: Settings, request: Request) -> Reply:
    kind = request.headers.get("contenttype") or request.headers.get("content-type") or JSON
    accept = request.headers.get("accept")
    return model.transform(request.body, kind, settings.default_accept if accept in (None, "", ANY) else str(accept))


def _not_allowed() -> Reply:
    return page(405, "Method Not Allowed", "The method is not allowed for the requested URL.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
