"""A tracking server for one run, on loopback: the part of MLflow's REST API that a training script uses.

https://mlflow.org/docs/latest/rest-api.html; runs/get, runs/update, log-metric, log-batch, log-parameter, set-tag,
log-model, log-inputs, outputs, the experiment that the run belongs to, the models of MLflow 3 (`mlflow_models`), and
runs inside the run, whose metrics are their own. Anything else answers 501, so nothing seems stored and is not.
"""

from __future__ import annotations

import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from training.jobs.scripts.mlflow_models import LoggedModels

EXPERIMENT = "0"
_EXPERIMENT = {"experiment_id": EXPERIMENT, "name": "Default", "lifecycle_stage": "active"}


class MLflowServer:
    """Keeps what is logged to the run `run`; `address` is its MLFLOW_TRACKING_URI once it was started.

    Artifacts are files: clients write them below the folder `artifacts` themselves.
    """

    def __init__(self, run: str, artifacts: Path) -> None:
        self.run, self.artifacts, self.lock = run, artifacts, threading.Lock()
        self.logged: dict[str, list[dict[str, Any]]] = {}
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.inputs: list[dict[str, Any]] = []
        self.name = run
        self.status, self.started = "RUNNING", int(time.time() * 1000)
        self.models = LoggedModels(artifacts)
        self.children: dict[str, MLflowServer] = {}
        self.http: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        """Its address; empty before it was started."""
        return f"http://127.0.0.1:{self.http.server_address[1]}" if self.http else ""

    def start(self) -> None:
        """Listen on a free port."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            """Hands each request to the server's owner."""

            def do_GET(self) -> None:
                """A reading call: its arguments are in the query."""
                query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
                self._answer(query)

            def do_POST(self) -> None:
                """A writing call: its arguments are a JSON body."""
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    given = json.loads(body or b"{}")
                except ValueError:
                    self._send(400, _problem("BAD_REQUEST", "the body is not JSON"))
                    return
                self._answer(given)

            do_PATCH = do_POST  # noqa: N815 - the names are http.server's

            def _answer(self, given: dict[str, Any]) -> None:
                path = urlsplit(self.path).path.removeprefix("/api/2.0/mlflow/")
                with owner.lock:
                    try:
                        reply = owner.answer(path, given, self.command)
                    except (KeyError, TypeError, ValueError) as error:
                        reply = 400, _problem("INVALID_PARAMETER_VALUE", f"{path}: {error!r}")
                self._send(*reply)

            def _send(self, code: int, reply: dict[str, Any]) -> None:
                content = json.dumps(reply).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """The script's own output is the log."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self.http is not None:
            self.http.shutdown()
            self.http.server_close()
            self.http = None

    def metrics(self) -> dict[str, float]:
        """The last finite value of each metric, by step and time."""
        with self.lock:
            last = {key: max(values, key=_order)["value"] for key, values in self.logged.items()}
        return {key: value for key, value in last.items() if math.isfinite(value)}

    def answer(self, call: str, given: dict[str, Any], method: str = "POST") -> tuple[int, dict[str, Any]]:
        """Status and reply of one call."""
        if (found := self.models.answer(method, call, given)) is not None:
            return found
        if call == "runs/create" and _is_nested(given):
            return 200, {"run": self._child(given)._run()}
        about = given.get("run_id") or given.get("run_uuid")
        if child := self.children.get(str(about)):
            return child.answer(call, given, method)
        if call == "runs/search" and not given.get("filter"):
            return 200, {"runs": [run._run() for run in (self, *self.children.values())]}
        named = call.startswith("runs/") and call not in ("runs/create", "runs/search")
        if (named or call == "metrics/get-history") and about != self.run:
            return 404, _problem("RESOURCE_DOES_NOT_EXIST", f"there is no run '{about}'; this job's is '{self.run}'")
        match call:
            case "runs/get" | "runs/create":
                return 200, {"run": self._run()}
            case "runs/update":
                self.status = given.get("status", self.status)
                return 200, {"run_info": self._run()["info"]}
            case "runs/log-metric":
                self._log(given)
            case "runs/log-parameter":
                self.params[given["key"]] = str(given["value"])
            case "runs/log-model" | "runs/outputs":  # says that there is a model among the artifacts
                pass
            case "runs/log-inputs":
                self.inputs += given.get("datasets", [])
            case "runs/set-tag":
                self.tags[given["key"]] = str(given["value"])
            case "runs/delete-tag":
                self.tags.pop(given["key"], None)
            case "runs/log-batch":
                for metric in given.get("metrics", []):
                    self._log(metric)
                self.params |= {item["key"]: str(item["value"]) for item in given.get("params", [])}
                self.tags |= {item["key"]: str(item["value"]) for item in given.get("tags", [])}
            case "metrics/get-history":
                key = given["metric_key"]
                return 200, {"metrics": [entry | {"key": key} for entry in self.logged.get(key, [])]}
            case "experiments/get" | "experiments/get-by-name" | "experiments/create":
                return 200, {"experiment": _EXPERIMENT, "experiment_id": EXPERIMENT}
            case "experiments/search":
                return 200, {"experiments": [_EXPERIMENT]}
            case _:
                return 501, _problem(
                    "NOT_IMPLEMENTED",
                    f"the tracking server of this job has no {call} (docs/training-contract.md); write what is to be "
                    "kept to ./outputs instead",
                )
        return 200, {}

    def _child(self, given: dict[str, Any]) -> MLflowServer:
        """A run inside this one, with metrics and a folder of its own."""
        run = f"{self.run}_{len(self.children) + 1}"
        child = MLflowServer(run, self.artifacts / "runs" / run)
        child.name = str(given.get("run_name") or run)
        child.tags = {item["key"]: str(item["value"]) for item in given.get("tags", [])}
        self.children[run] = child
        return child

    def _log(self, metric: dict[str, Any]) -> None:
        value = float(metric["value"])
        entry = {"value": value, "step": int(metric.get("step") or 0), "timestamp": int(metric.get("timestamp") or 0)}
        self.logged.setdefault(str(metric["key"]), []).append(entry)

    def _run(self) -> dict[str, Any]:
        info = {
            "run_id": self.run,
            "run_uuid": self.run,
            "run_name": self.name,
            "experiment_id": EXPERIMENT,
            "status": self.status,
            "start_time": self.started,
            "lifecycle_stage": "active",
            "artifact_uri": self.artifacts.absolute().as_uri(),
        }
        metrics = [max(values, key=_order) | {"key": key} for key, values in self.logged.items()]
        texts = {"params": self.params, "tags": self.tags}
        listed = {kind: [{"key": key, "value": value} for key, value in held.items()] for kind, held in texts.items()}
        return {"info": info, "data": {"metrics": metrics, **listed}, "inputs": {"dataset_inputs": self.inputs}}


def _is_nested(given: dict[str, Any]) -> bool:
    """Whether a new run is inside of another; one that is not is the job's own run, started again."""
    return any(item["key"] == "mlflow.parentRunId" for item in given.get("tags", []))


def _order(entry: dict[str, Any]) -> tuple[int, int]:
    return entry["step"], entry["timestamp"]


def _problem(code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "message": message}
