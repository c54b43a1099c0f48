"""A model artifact as this process reads it: verified, and JSON only (docs/model-format.md). No model is loaded."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput, NotFound, did_you_mean
from training.artifact.digest import tree_digest
from training.artifact.manifest import MANIFEST, RUN_RECORD, verify
from training.errors import TrainingError

PREDICTIONS = "evaluation/predictions.csv"
REPORT = "evaluation/report.html"


@dataclass(frozen=True)
class Artifact:
    """One artifact whose every file has the hash that its manifest lists."""

    folder: Path
    manifest: dict[str, Any]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> Artifact:
        """Verify and read. Raises `NotFound` for no folder, `InvalidInput` for no artifact, or one that was changed
        or is of a newer format."""
        if not folder.exists():
            near = did_you_mean(folder.name, [path.name for path in folder.parent.glob("*") if path.is_dir()])
            raise NotFound(f"{folder}: no such folder{near if 'did you mean' in near else ''}")
        if not folder.is_dir():
            raise InvalidInput(
                f"{folder}: a file; a model artifact is a folder (`mooring package {folder}` makes one of a model file)"
            )
        try:
            manifest = verify(folder)
            return cls(folder, manifest, tree_digest(folder))
        except (TrainingError, ValueError) as error:
            raise InvalidInput(f"{folder}: {error}") from error

    def json(self, name: str) -> dict[str, Any]:
        """One of its JSON files; empty where it has none."""
        path = self.folder / name
        if not path.is_file():
            return {}
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}

    def text(self, name: str) -> str:
        """One of its text files; empty where it has none."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def task(self) -> str:
        """`classification`, `regression`, …"""
        return str(self.manifest.get("task", ""))

    @property
    def estimator(self) -> str:
        """The dotted name; empty for a model that came as ONNX."""
        return str(self.manifest.get("estimator") or "")

    @property
    def metrics(self) -> dict[str, float]:
        """On the held-out rows; empty for a packaged model."""
        return {name: value for name, value in self.json("metrics.json").items() if isinstance(value, int | float)}

    @property
    def signature(self) -> dict[str, Any]:
        """Columns and prediction."""
        return self.json("signature.json")

    @property
    def prediction(self) -> dict[str, Any]:
        """What it answers: name, type, classes."""
        return dict(self.signature.get("prediction") or {})

    @property
    def report(self) -> Path | None:
        """The HTML report, where there is one."""
        path = self.folder / REPORT
        return path if path.is_file() else None

    @property
    def image(self) -> str:
        """The image whose environment can run it."""
        from providers.local.environments.image_lists import image_of_artifact

        return image_of_artifact(self.folder)

    def rows(self) -> dict[str, int]:
        """Rows that it learnt from (`train`) and that were held out (`test`); those that are known."""
        found = {}
        if "rows" in (profile := self.json("profile.json")):
            found["train"] = int(profile["rows"])
        if (path := self.folder / PREDICTIONS).is_file():
            with path.open(encoding="utf-8", newline="") as stream:
                found["test"] = max(0, sum(1 for _ in csv.reader(stream)) - 1)
        return found

    def files(self) -> list[dict[str, Any]]:
        """Every file with its size and SHA-256, as the manifest lists it (`run.json` and the manifest have none)."""
        listed = {**self.manifest.get("files", {}), MANIFEST: "", RUN_RECORD: ""}
        return [
            {"name": name, "bytes": (self.folder / name).stat().st_size, "sha256": listed[name]}
            for name in sorted(listed)
            if (self.folder / name).is_file()
        ]
