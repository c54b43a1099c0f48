"""The page on emulated clouds names every operation that is emulated, and no other."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("botocore", reason="the emulator of AWS needs botocore (install mooring[aws])")


def test_the_operations_in_the_page_are_those_that_are_answered(kit: Path) -> None:
    from providers.aws.emulator.sagemaker import service
    from providers.aws.emulator.sagemaker.call import OPERATIONS

    for name in service.KINDS:
        import_module(f"providers.aws.emulator.sagemaker.{name}")
    text = (kit / "docs" / "emulators.md").read_text(encoding="utf-8")
    table = text.partition("| | Operations |")[2].partition("**moto's**")[0]
    told = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][A-Za-z]*)\b", table))
    assert told - {"InvokeEndpoint", "InvokeEndpointAsync"} == set(OPERATIONS)
