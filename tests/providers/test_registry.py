"""Cloud names to adapters."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from contract.fake_cloud import fake_adapter

from providers import registry
from providers.contract import Adapter
from providers.errors import InvalidInput, MooringError, NotSupported


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    registry.close()
    yield
    registry.close()


def third_party(monkeypatch: pytest.MonkeyPatch, folder: Path, source: str) -> None:
    """Install a third party's adapter as the entry point `acme`."""
    (folder / "acme_cloud.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("acme_cloud", None)
    entry = EntryPoint("acme", "acme_cloud:create", registry.GROUP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: EntryPoints([entry]))


def test_local_is_loaded_once() -> None:
    assert registry.adapter("local") is registry.adapter("local")
    assert registry.adapter("local").cloud == "local"


def test_an_unknown_cloud_is_named_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match=r"unknown cloud 'locl' \(did you mean 'local'\?\)"):
        registry.adapter("locl")


def test_a_cloud_without_an_adapter_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CLOUDS", {**registry.CLOUDS, "gcp": "providers.not_there"})
    with pytest.raises(NotSupported, match=r"'gcp' has no adapter in this version \(available: local"):
        registry.adapter("gcp")
    assert "gcp" not in registry.available()


def test_a_missing_package_is_an_install_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fake_aws.py").write_text("def create():\n    import boto3_is_not_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "CLOUDS", {"aws": "fake_aws"})
    with pytest.raises(MooringError, match=r"needs the package 'boto3_is_not_here': pip install \"mooring\[aws\]\""):
        registry.adapter("aws")


def test_names_are_read_only() -> None:
    with pytest.raises(TypeError):
        registry.CLOUDS["mine"] = "x"  # type: ignore[index]


def test_a_third_partys_adapter_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = fake_adapter(tmp_path / "cloud", cloud="acme")
    third_party(monkeypatch, tmp_path, "def create():\n    return made\n")
    sys.modules.pop("acme_cloud", None)
    import acme_cloud  # type: ignore[import-not-found]

    acme_cloud.made = made
    assert registry.adapter("acme") is made
    assert "acme" in registry.available()


def test_a_third_partys_wrong_object_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    third_party(monkeypatch, tmp_path, "def create():\n    return 3\n")
    with pytest.raises(MooringError, match="returned int, no Adapter"):
        registry.adapter("acme")


def test_a_third_party_that_cannot_be_imported_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    third_party(monkeypatch, tmp_path, "import no_such_package\n")
    with pytest.raises(MooringError, match=r"'acme' \(acme_cloud:create\) cannot be loaded: No module named"):
        registry.adapter("acme")


def test_close_closes_what_was_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed: list[str] = []
    monkeypatch.setattr(registry, "_own", lambda cloud: lambda: Adapter(cloud, close=lambda: closed.append(cloud)))
    registry.adapter("local")
    registry.close()
    assert closed == ["local"]
