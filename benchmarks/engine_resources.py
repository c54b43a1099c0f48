"""200 independent no-op resources: deployed, and previewed unchanged, by both engines side by side.

`.venv/bin/python -m benchmarks.engine_resources`. Goals on an idle machine, best of five: deployed in under 2 s of
wall time, interpreter start included. With `pulumi` on PATH the same program runs beside, with an attached provider
(at least 2 times slower than the embedded engine) and with a plugin process (at least 3 times).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import Timing, show, side_by_side

HERE = Path(__file__).resolve().parent
PASSPHRASE = "benchmark"


def make_project(root: Path) -> None:
    """A project that the CLI and the embedded engine both take, with a virtual environment by link."""
    for folder in ("infra", "stacks", "plugin", "backend"):
        (root / folder).mkdir(parents=True)
    shutil.copy(HERE / "noop" / "program.py", root / "infra" / "__main__.py")
    shutil.copy(HERE / "noop" / "provider.py", root / "plugin" / "__main__.py")
    (root / ".venv").symlink_to(sys.prefix)
    runtime = "runtime:\n  name: python\n  options:\n    virtualenv: {}\n"
    (root / "plugin" / "PulumiPlugin.yaml").write_text(runtime.format("../.venv"))
    plugins = "plugins:\n  providers:\n    - name: noop\n      path: plugin\n"
    (root / "Pulumi.yaml").write_text(
        "name: bench\n" + runtime.format(".venv") + "main: infra/\nstackConfigDir: stacks\n" + plugins
    )
    (root / "passphrase").write_text(PASSPHRASE)


def embedded(verb: str, root: Path) -> None:
    """One operation of the embedded engine, in this process."""
    from benchmarks.noop.provider import NoopProvider
    from infra.engine.api import Options, StackRef
    from infra.engine.engine import EmbeddedEngine

    ref = StackRef(
        "bench", "dev", root, root / "infra", root / "backend", root / "stacks" / "Pulumi.dev.yaml",
        root / "passphrase", "local",
    )  # fmt: skip
    engine = EmbeddedEngine({"noop": NoopProvider})
    result = getattr(engine, verb)(ref, Options(), lambda event: None, threading.Event())
    if not result.ok:
        sys.exit("\n".join(result.errors))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="moor-") as folder:
        root = Path(folder) / "project"
        make_project(root)
        backend, pristine = root / "backend", root / "pristine"
        environment = {
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(root / "pulumi-home"),
        }
        if shutil.which("pulumi"):
            script = f"cd {root} && pulumi stack init dev >/dev/null"
        else:
            script = f"printf 'config: {{}}\\n' > {root}/stacks/Pulumi.dev.yaml"
        side_by_side({"prepare": ["bash", "-c", script]}, runs=0, environment=environment)
        shutil.copytree(backend, pristine)

        def forget() -> None:
            shutil.rmtree(backend)
            shutil.copytree(pristine, backend)

        compare("up, 200 new resources", "up", root, environment, forget)
        side_by_side({"deploy": command("up", root)}, runs=0, environment=environment, before=forget)
        compare("preview, 200 unchanged resources", "preview", root, environment, lambda: None)


def command(verb: str, root: Path) -> list[str]:
    """The embedded engine in a process of its own."""
    return [sys.executable, "-m", "benchmarks.engine_resources", verb, str(root)]


def compare(title: str, verb: str, root: Path, environment: dict[str, str], before: Callable[[], None]) -> None:
    """One operation by the embedded engine, and by the CLI in both ways where it is there."""
    from benchmarks.noop.provider import serve

    commands = {"embedded engine": command(verb, root)}
    attached, port = serve()
    if shutil.which("pulumi"):
        options = "--yes --skip-preview" if verb == "up" else ""
        cli = f"cd {root} && exec pulumi {verb} --stack dev --non-interactive {options}"
        commands["pulumi, attached provider"] = ["env", f"PULUMI_DEBUG_PROVIDERS=noop:{port}", "bash", "-c", cli]
        commands["pulumi, plugin process"] = ["bash", "-c", cli]
    timings = side_by_side(commands, environment={**environment, "PYTHONPATH": os.getcwd()}, before=before)
    print(f"\n{title}")
    show(timings)
    print_ratios(timings)
    attached.stop(None)


def print_ratios(timings: list[Timing]) -> None:
    """How many times longer the others take than the first."""
    for other in timings[1:]:
        print(f"{other.name}: {other.best / timings[0].best:.1f} times the embedded engine")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        embedded(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
