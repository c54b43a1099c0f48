"""A stack of the adapter's tests on a running emulator: bucket, role and repository as the foundation makes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running_emulator import KIT, RunningEmulator
from training_requests import make_role

from providers.contract import Context, Ownership

REGION = "us-east-1"


class Stack:
    """Inputs of specs, owners and contexts of one stack. `name` is that of its bucket, repository and role."""

    def __init__(self, running: RunningEmulator, name: str, folder: Path) -> None:
        self.running, self.name, self.root = running, name, folder / "project"
        self.home = folder / "local"
        self.root.mkdir(parents=True)
        shutil.copy(KIT / "data" / "iris.csv", self.root / "iris.csv")
        running.client("s3").create_bucket(Bucket=name)
        running.client("ecr").create_repository(repositoryName=name)
        self.role = make_role(running, name, "*")

    @property
    def scope(self) -> dict[str, Any]:
        """What every resource is given."""
        return {"cloud": "aws", "region": REGION, "name": "flowers", "container": self.name}

    def owner(self, name: str, inputs: str = "1") -> Ownership:
        """The tags of a resource called `name`."""
        urn = f"urn:pulumi:test::proj::moor:index:Any::{name}"
        return Ownership(f"p-{self.name}", "test", urn, inputs, REGION, self.name)

    def context(self, name: str, inputs: str = "1", said: Callable[[str], None] = lambda text: None) -> Context:
        """The context of an operation on a resource called `name`."""
        return Context(self.owner(name, inputs), self.root, lambda message, share: said(message))

    def script(self, name: str, text: str, **files: str) -> dict[str, Any]:
        """A source folder with `train.py`, and the code that names it."""
        folder = self.root / name
        folder.mkdir()
        for path, content in {"train.py": text, **files}.items():
            (folder / path).write_text(content)
        return {"source": name, "entry_point": "train.py"}

    def objects(self, prefix: str = "") -> list[str]:
        """All objects of the bucket below a prefix."""
        pages = self.running.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]
