"""docs/cli.md is what the commands say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_page_about_the_command_line_is_current(kit: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(kit / "scripts" / "cli_docs"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
