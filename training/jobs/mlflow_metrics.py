"""Metrics to an MLflow run: through the `mlflow` package where it is installed, else by its REST API.

The API: `POST <uri>/api/2.0/mlflow/runs/log-batch` with `run_id` and `metrics` (key, value, timestamp in
milliseconds, step); https://mlflow.org/docs/latest/rest-api.html#log-batch.
"""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

TIMEOUT = 30.0
"""Seconds for one request."""
ATTEMPTS = 3


class Unreported(Exception):
    """The metrics could not be sent; the message says why."""


def log(metrics: Mapping[str, float], environment: Mapping[str, str]) -> None:
    """Log finite metrics to the run that `MLFLOW_TRACKING_URI` and `MLFLOW_RUN_ID` name; without an address, nothing.

    Raises Unreported.
    """
    uri, run = environment.get("MLFLOW_TRACKING_URI", ""), environment.get("MLFLOW_RUN_ID", "")
    run = run or environment.get("AZUREML_RUN_ID", "")
    finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    if not uri or not finite:
        return
    try:
        import mlflow
    except ImportError:
        _post(uri, run, finite, environment)
        return
    _by_package(mlflow, uri, run, finite)


def _by_package(mlflow: Any, uri: str, run: str, metrics: Mapping[str, float]) -> None:
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        for name, value in metrics.items():
            client.log_metric(run, name, value)
    except Exception as error:  # mlflow's plugins raise what they like, and the training itself went well
        raise Unreported(f"{type(error).__name__}: {error}") from error


def _post(uri: str, run: str, metrics: Mapping[str, float], environment: Mapping[str, str]) -> None:
    if not uri.startswith(("http://", "https://")):
        scheme = uri.partition(":")[0]
        raise Unreported(f"the address begins with '{scheme}:', which needs the packages mlflow and azureml-mlflow")
    moment = int(time.time() * 1000)
    entries = [{"key": name, "value": value, "timestamp": moment, "step": 0} for name, value in metrics.items()]
    headers = {"Content-Type": "application/json"}
    if token := environment.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(
        f"{uri.rstrip('/')}/api/2.0/mlflow/runs/log-batch",
        json.dumps({"run_id": run, "metrics": entries}).encode(),
        headers,
        method="POST",
    )
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                return
        except urllib.error.HTTPError as error:
            problem = f"HTTP {error.code} from {uri}"
            if error.code < 500 and error.code != 429:
                break
        except OSError as error:
            problem = f"{uri} did not answer ({error})"
        if attempt + 1 < ATTEMPTS:
            time.sleep(0.2 * 2**attempt)
    raise Unreported(problem)
