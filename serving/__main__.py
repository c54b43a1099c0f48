"""`python -m serving --model DIR --host H --port N --model-name M --model-version V`: one model behind HTTP.

The model is loaded and verified before the port is opened. SIGTERM or SIGINT: readiness turns to 503, requests
that are under way are answered, then the process ends with 0. A model that cannot be served, or a port in use,
is one line on standard error and the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from serving.errors import ModelError
from serving.http import MAX_BODY
from serving.listening import bound, run

WARNINGS = "MOORING_WARNINGS"
"""The environment variable that switches warnings about unlike values off, for an endpoint's `environment`."""
OFF = ("off", "false", "no", "0")


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; the process's exit code."""
    options = _parser().parse_args(arguments)
    try:
        listener = bound(options.host, options.port)
        from serving.app import App
        from serving.predictor import Predictor

        predictor = Predictor(options.model, options.threads, warnings=options.warnings)
    except ModelError as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    app = App(
        predictor, options.model_name, options.model_version, options.deployment, options.threads, options.max_body
    )
    form = predictor.artifact.manifest["serve"]
    where = f"http://{options.host}:{options.port}"
    print(f"serving {options.model_name} version {options.model_version} ({form}) on {where}", flush=True)
    run(app, listener)
    print("stopped", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description="Serve one model artifact over HTTP.")
    parser.add_argument("--model", type=Path, required=True, help="the artifact folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--model-name", default="model")
    parser.add_argument("--model-version", default="1")
    parser.add_argument("--deployment", default="", help="the name this server has at its endpoint")
    parser.add_argument("--threads", type=int, default=1, help="threads of ONNX Runtime, and of large requests")
    parser.add_argument("--max-body", type=int, default=MAX_BODY, help="largest body, in bytes")
    parser.add_argument(
        "--warnings", action=argparse.BooleanOptionalAction, default=os.environ.get(WARNINGS, "").lower() not in OFF,
        help=f"compare values with what training saw (default: yes, unless {WARNINGS} is off)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
