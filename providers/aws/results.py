"""What a training job has left in S3, as an artifact: as it stands, or packaged on this machine.

::

    …/runs/<job>/output/model/…     what the job wrote; sealed (contents.py) where it is an artifact already
                /artifact/<hex>/…   the artifact that was made of it, where it is a model of another kind
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from providers.aws import images
from providers.aws.code_upload import PACKAGES
from providers.aws.contents import Contents, Stored, joined_digest
from providers.boundaries import boundary
from providers.contract import Context
from providers.errors import Cancelled, InvalidInput, JobFailed, NotFound
from providers.local import kit_process, records
from providers.local.environments.environments import Environments
from providers.local.home import staging
from providers.local.jobs import code
from providers.local.training import METRICS, read_metrics
from training.artifact.digest import tree_digest
from training.artifact.manifest import MANIFEST

NO_MODEL = "the job ended well but wrote no model into SM_MODEL_DIR (/opt/ml/model)"
PACKAGING_LIMIT = 900.0
_PLACES = ("model", "output", "data")
"""Folders below a job's output that may hold a metrics file: AWS leaves `output/data` packed, the emulator does not."""


class Results:
    """The results of one job. `output` is the address of all that it wrote; `base` of all that is kept of it."""

    def __init__(self, contents: Contents, id: str, base: str, output: str) -> None:
        self.contents, self.objects, self.id = contents, contents.objects, id
        self.base, self.output, self.model = base, output, f"{output}model/"

    def artifact(self, image: str, requirements: tuple[str, ...], cache: Path | None, context: Context) -> Stored:
        """The artifact, whole. Raises JobFailed where there is no model, or one that cannot be served."""
        if known := self.contents.find(self.model):
            return known
        names = {item.name for item in self.objects.listed(self.model)}
        if not names:
            raise JobFailed(NO_MODEL, job=self.id)
        if MANIFEST in names:
            return self.contents.seal(self.model, self._digest(names))
        for digest in self.contents.versions(f"{self.base}artifact/"):
            return self.contents.stat(f"{self.base}artifact/{digest.removeprefix('sha256:')}/")
        return self._packaged(image, requirements, cache, context)

    def _digest(self, names: set[str]) -> str:
        """By the hashes in the manifest where that tells of every file, else (empty) by reading all of them."""
        text = self.objects.read(f"{self.model}{MANIFEST}")
        try:
            listed = {str(name): str(hex) for name, hex in json.loads(text)["files"].items()}
        except (ValueError, KeyError, AttributeError) as error:
            raise JobFailed(f"the job's {MANIFEST} is damaged: {error!r}", job=self.id) from error
        if set(listed) != names - {MANIFEST, "run.json"}:
            return ""
        return joined_digest({**listed, MANIFEST: hashlib.sha256(text).hexdigest()})

    def _packaged(self, image: str, requirements: tuple[str, ...], cache: Path | None, context: Context) -> Stored:
        home = self.contents.home
        scratch = staging(home)
        try:
            context.progress("packaging the model on this machine", None)
            given = self.contents.download(
                self.model, scratch / "model", lambda count: context.check_cancelled(self.id)
            )
            python = Environments(cache).ensure(
                images.list_of(image), requirements, lambda message: context.progress(message, None), context.cancel
            )
            words = ["--input", str(given), "--output", str(scratch / "artifact"), "--trust"]
            kit = {"PYTHONPATH": str(code.code_folder(home, PACKAGES))}
            kit_process.run(home, python, "training.package", words, context, variables=kit, limit=PACKAGING_LIMIT)
            boundary("run:packaged")
            made = scratch / "artifact"
            return self.contents.put(made, f"{self.base}artifact/", digest=tree_digest(made))
        except Cancelled:
            raise Cancelled("cancelled while the model was packaged; the next run goes on", id=self.id) from None
        except InvalidInput as error:
            raise JobFailed(f"what the job wrote is no model that can be served: {error}", job=self.id) from error
        finally:
            records.remove_tree(scratch)

    def metrics(self, artifact: str, told: Mapping[str, float]) -> dict[str, float]:
        """Metrics of the first file that has any, over those that were found in the log (`told`, of 32 bits)."""
        return {**told, **self._written(artifact)}

    def _written(self, artifact: str) -> dict[str, float]:
        for place in (*(f"{self.output}{name}/{METRICS}" for name in _PLACES), f"{artifact}{METRICS}"):
            try:
                if found := self._parsed(self.objects.read(place), place.startswith(artifact)):
                    return found
            except NotFound:
                continue
        packed = self._packed()
        return self._parsed(packed, False) if packed else {}

    def _parsed(self, content: bytes, is_artifacts: bool) -> dict[str, float]:
        scratch = staging(self.contents.home)
        scratch.mkdir()
        try:
            if is_artifacts:
                (scratch / MANIFEST).touch()
            (scratch / METRICS).write_bytes(content)
            return read_metrics(scratch / METRICS, self.id)
        finally:
            records.remove_tree(scratch)

    def _packed(self) -> bytes:
        try:
            archive = self.objects.read(f"{self.output}output.tar.gz")
        except NotFound:
            return b""
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            try:
                member = tar.extractfile(METRICS)
            except KeyError:
                return b""
            return member.read() if member else b""


def final_metrics(body: Mapping[str, Any]) -> dict[str, float]:
    """What AWS has found in the log by the job's definitions: the last value of each metric."""
    return {str(one["MetricName"]): float(one["Value"]) for one in body.get("FinalMetricDataList") or ()}
