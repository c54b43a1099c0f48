"""The package's schema and what the provider says of itself."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contract.provider_calls import Engine
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

import infra.moor
from infra.moor.base import camel
from providers.contract import SPECS, STATES
from providers.properties import wire_names
from providers.schema import schema


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(schema())
    return found


@pytest.mark.parametrize("name", list(SPECS))
def test_every_field_is_in_the_schema(name: str) -> None:
    resource = described()["resources"][f"moor:index:{name}"]
    assert set(resource["inputProperties"]) == set(wire_names(SPECS[name]))
    assert set(wire_names(STATES[name])) <= set(resource["properties"])
    assert resource["description"]
    required = {f.alias or n for n, f in SPECS[name].model_fields.items() if f.is_required()}
    assert set(resource["requiredInputs"]) == required


def test_every_reference_has_a_type() -> None:
    whole = described()
    for token in re.findall(r"#/types/([\w:]+)", schema()):
        assert whole["types"][token]["properties"] is not None


def test_descriptions_come_from_the_values() -> None:
    endpoint = described()["resources"]["moor:index:Endpoint"]
    assert endpoint["inputProperties"]["port"]["description"].startswith("Fixed port on `local`")
    assert endpoint["inputProperties"]["region"]["replaceOnChanges"] is True
    assert "replaceOnChanges" not in endpoint["inputProperties"]["deployments"]


@pytest.mark.parametrize("name", list(SPECS))
def test_the_programs_classes_have_every_argument_and_output(name: str) -> None:
    """`source_hash` is Check's to compute, so no argument."""
    made = getattr(infra.moor, name)
    arguments = set(inspect.signature(made.__init__).parameters) - {"self", "resource_name", "opts"}
    assert {camel(argument) for argument in arguments} == set(wire_names(SPECS[name])) - {"sourceHash"}
    outputs = {camel(key) for key in inspect.get_annotations(made)}
    assert set(wire_names(STATES[name])) <= outputs


def test_the_provider_serves_schema_and_version(engine: Engine) -> None:
    assert engine.call("GetSchema", provider_pb2.GetSchemaRequest()).schema == schema()
    version = engine.call("GetPluginInfo", empty_pb2.Empty()).version
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version)


def test_it_takes_no_secrets_and_supports_previews(engine: Engine) -> None:
    handshake = engine.call("Handshake", provider_pb2.ProviderHandshakeRequest())
    configured = engine.call("Configure", provider_pb2.ConfigureRequest())
    assert not handshake.accept_secrets
    assert not configured.acceptSecrets
    assert configured.supportsPreview


def test_configuration_of_the_provider_is_refused(engine: Engine) -> None:
    request = provider_pb2.CheckRequest(urn="urn:pulumi:s::p::pulumi:providers:moor::x")
    request.news.update({"region": "eu", "version": "1.0.0"})
    failures = engine.call("CheckConfig", request).failures
    assert [failure.property for failure in failures] == ["region"]


@pytest.mark.pulumi_cli
@pytest.mark.slow
def test_the_cli_accepts_the_schema_and_makes_an_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = Path(__file__).resolve().parents[2]
    plugin = tmp_path / "pulumi-resource-moor"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {kit / "providers" / "plugin"} "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    pulumi = shutil.which("pulumi") or "pulumi"
    printed = subprocess.run(
        [pulumi, "package", "get-schema", str(plugin)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert printed.returncode == 0, printed.stderr
    assert set(json.loads(printed.stdout)["resources"]) == {f"moor:index:{name}" for name in SPECS}
    (tmp_path / "schema.json").write_text(schema())
    made = subprocess.run(
        [pulumi, "package", "gen-sdk", "schema.json", "--language", "python", "--out", "sdk"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "sdk" / "python" / "pulumi_moor" / "endpoint.py").is_file()
