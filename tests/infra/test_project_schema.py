"""Pulumi.yaml's configuration schema and docs/settings.md are what scripts/schema makes of the settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from infra.settings import Settings


def test_the_schema_and_the_reference_are_current(kit: Path) -> None:
    done = subprocess.run(
        [sys.executable, kit / "scripts" / "schema", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_setting_is_declared_and_only_the_cloud_is_demanded(kit: Path) -> None:
    declared = yaml.safe_load((kit / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == {field.alias or name for name, field in Settings.model_fields.items()}
    assert [key for key, entry in declared.items() if "default" not in entry] == ["cloud"]
