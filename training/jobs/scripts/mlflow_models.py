"""Models that a script logs to MLflow: those of MLflow 3 (`logged-models`), and names it registers them under.

A logged model is a folder below the run's artifacts, named as the script names it; the job makes its version of one of
them. What a script registers is written down and answered, and no more: versions are Mooring's part.
https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Reply = tuple[int, dict[str, Any]]


class LoggedModels:
    """The models of one run's artifacts, and the names they were registered under."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        self.models: dict[str, dict[str, Any]] = {}
        self.registered: dict[str, list[dict[str, Any]]] = {}

    def last(self) -> Path | None:
        """The folder of the model that was logged last and whole: the one named `model` where there is one."""
        ready = [model["info"] for model in self.models.values() if model["info"]["status"] == "LOGGED_MODEL_READY"]
        named = [info for info in ready if info["name"] == "model"]
        return self.artifacts / (named or ready)[-1]["folder"] if ready else None

    def answer(self, method: str, call: str, given: dict[str, Any]) -> Reply | None:
        """Status and reply of a call about models; None for a call that is about something else, or not known."""
        parts = [unquote(part) for part in call.split("/")]
        if parts[0] == "logged-models":
            return self._logged(method, parts[1:], given)
        if parts[0] in ("registered-models", "model-versions"):
            return self._registered(call, given)
        return None

    def _logged(self, method: str, parts: list[str], given: dict[str, Any]) -> Reply | None:
        if not parts:
            return 200, {"model": _public(self._create(given))}
        if parts == ["search"]:
            return 200, {"models": [_public(model) for model in self.models.values()]}
        if (model := self.models.get(parts[0])) is None:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"there is no logged model '{parts[0]}'"}
        match method, parts[1:]:
            case "GET", []:
                pass
            case "PATCH", []:
                model["info"]["status"] = given["status"]
                model["info"]["last_updated_timestamp_ms"] = _now()
            case _, ["params"]:
                model["data"]["params"] += given.get("params", [])
            case "PATCH", ["tags"]:
                model["info"]["tags"] += given.get("tags", [])
            case "GET", ["artifacts", "directories"]:
                return 200, {"root_uri": model["info"]["artifact_uri"], "files": []}
            case _:
                return None
        return 200, {"model": _public(model)}

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        number = len(self.models) + 1
        name = str(given.get("name") or f"model-{number}")
        taken = {model["info"]["folder"] for model in self.models.values()}
        folder = name.replace("/", "_") if name.replace("/", "_") not in taken else f"{name.replace('/', '_')}-{number}"
        info = {
            "model_id": f"m-{number}",
            "experiment_id": given.get("experiment_id", ""),
            "name": name,
            "model_type": given.get("model_type", ""),
            "source_run_id": given.get("source_run_id", ""),
            "artifact_uri": (self.artifacts.absolute() / folder).as_uri(),
            "creation_timestamp_ms": _now(),
            "last_updated_timestamp_ms": _now(),
            "status": "LOGGED_MODEL_PENDING",
            "tags": list(given.get("tags", [])),
            "folder": folder,
        }
        model = {"info": info, "data": {"params": list(given.get("params", [])), "metrics": []}}
        self.models[info["model_id"]] = model
        return model

    def _registered(self, call: str, given: dict[str, Any]) -> Reply | None:
        name = str(given.get("name", ""))
        match call:
            case "registered-models/create" | "registered-models/get":
                self.registered.setdefault(name, [])
                return 200, {"registered_model": {"name": name, "creation_timestamp": _now()}}
            case "model-versions/create":
                versions = self.registered.setdefault(name, [])
                number = str(len(versions) + 1)
                made = {"name": name, "version": number, "status": "READY", "creation_timestamp": _now()}
                versions.append(made | {key: given[key] for key in ("source", "run_id", "model_id") if key in given})
                return 200, {"model_version": versions[-1]}
            case "model-versions/get":
                found = [made for made in self.registered.get(name, []) if made["version"] == str(given.get("version"))]
                if found:
                    return 200, {"model_version": found[0]}
            case "model-versions/set-tag" | "registered-models/set-tag" | "registered-models/alias":
                return 200, {}
        return None


def _public(model: dict[str, Any]) -> dict[str, Any]:
    info = {key: value for key, value in model["info"].items() if key != "folder"}
    return {"info": info, "data": model["data"]}


def _now() -> int:
    return int(time.time() * 1000)
