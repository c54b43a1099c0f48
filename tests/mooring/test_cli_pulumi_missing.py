"""Without the Pulumi CLI the error says how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.errors import NotSupported


def test_a_missing_pulumi_cli_is_an_error_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mooring.pulumi_cli import PulumiCli

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSupported, match=r"PulumiCommand\.install"):
        PulumiCli()
