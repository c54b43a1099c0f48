"""Runs the unmodified program in this process, as Pulumi's Python language host does in one of its own.

`sys.argv`, `sys.path[0]`, the working folder and the environment belong to the whole process, so one program
runs at a time. Modules that the program imported from the project are forgotten afterwards: the next run
executes them anew, as a new process would.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import runpy
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.engine.deployment import Deployment
from infra.engine.errors import UnsupportedOption
from infra.engine.program.engine_service import EngineService
from infra.engine.program.monitor import Monitor, root_urn
from infra.engine.program.program_output import captured

_ONE_AT_A_TIME = threading.Lock()
_KEPT = ("infra.engine", "providers", "mooring", "costs", "monitoring")
"""Packages that are the engine's own, not the program's, even where both are in one checkout."""

_LACKING = re.compile(r"The Pulumi CLI does not support (?:the )?(.+?)\. Please update")
"""What the SDK raises for a feature that `Monitor` does not announce."""

THREADS_A_STEP = 4
"""Threads of the SDK's pool for each parallel step, as in Pulumi's language host."""


def run(deployment: Deployment, monitor: Monitor) -> bool:
    """Run the program to its end; whether it ended well. What it raised is told as an error."""
    outcome: list[bool] = []
    worker = threading.Thread(
        target=lambda: outcome.append(_in_thread(deployment, monitor)), name="program", daemon=True
    )
    with _ONE_AT_A_TIME:
        worker.start()
        while worker.is_alive():
            try:
                worker.join()
            except KeyboardInterrupt:
                # A caller without a handler of its own: the first one asks to stop, the second ends at once.
                if deployment.stopping:
                    raise
                deployment.cancel.set()
    return bool(outcome and outcome[0])


def _in_thread(deployment: Deployment, monitor: Monitor) -> bool:
    main = deployment.ref.program / "__main__.py"
    if not main.is_file():
        deployment.events.error(f"unable to find the main program: {main} does not exist")
        return False
    urn = root_urn(deployment)
    loop = asyncio.new_event_loop()
    pool = ThreadPoolExecutor(max(1, deployment.options.parallel) * THREADS_A_STEP, "register")
    loop.set_default_executor(pool)
    # As the language host does: a program that fails leaves futures that nobody awaits.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        asyncio.set_event_loop(loop)
        with _as_process(deployment), captured(lambda line: deployment.events.log("info", line, urn)):
            return _execute(deployment, monitor, loop, main)
    finally:
        pool.shutdown(wait=True)
        asyncio.set_event_loop(None)
        loop.close()


def _execute(deployment: Deployment, monitor: Monitor, loop: asyncio.AbstractEventLoop, main: Path) -> bool:
    import pulumi
    from pulumi.runtime import Settings, configure
    from pulumi.runtime.config import set_all_config
    from pulumi.runtime.settings import ROOT
    from pulumi.runtime.stack import run_in_stack

    ref, config = deployment.ref, deployment.config
    ROOT.set(None)
    set_all_config(dict(config.values), sorted(config.secret_keys))
    configure(
        Settings(
            project=ref.project,
            stack=ref.stack,
            monitor=monitor,
            engine=EngineService(deployment.events),
            parallel=deployment.options.parallel,
            dry_run=deployment.dry_run,
            organization="organization",
            root_directory=str(ref.root),
        )
    )
    try:
        # By its relative path, as the language host has it: it shows in tracebacks.
        loop.run_until_complete(run_in_stack(lambda: runpy.run_path("__main__.py", run_name="__main__") and None))
    except pulumi.RunError as error:
        _tell(deployment, str(error))
        return False
    except SystemExit as ended:
        if ended.code in (None, 0):
            return True
        _tell(deployment, f"the program ended itself with exit code {ended.code}")
        return False
    except Exception as error:  # noqa: BLE001 - whatever the user's program raises
        _tell(deployment, _reason(error, main))
        return False
    return True


def _tell(deployment: Deployment, message: str) -> None:
    if deployment.told or deployment.stopping:
        return
    deployment.told = True
    deployment.events.error(message)


def _reason(error: BaseException, main: Path) -> str:
    """What to tell of a program that raised: its traceback, or which feature it lacks here."""
    lacking = _LACKING.search(str(error))
    if lacking:
        return str(UnsupportedOption(lacking[1]))
    return "Program failed with an unhandled exception:\n" + _user_traceback(error, main)


def _user_traceback(error: BaseException, main: Path) -> str:
    """The traceback from the user's program on, without the frames that run it."""
    frames = traceback.extract_tb(error.__traceback__)
    for index, frame in enumerate(frames):
        if Path(frame.filename).name == "__main__.py" and Path(os.path.abspath(frame.filename)) == main:
            return "".join(traceback.format_exception(error, limit=-(len(frames) - index)))
    return "".join(traceback.format_exception(error))


@contextlib.contextmanager
def _as_process(deployment: Deployment) -> Iterator[None]:
    """The process as the language host would have made it for this program."""
    ref = deployment.ref
    before = (os.getcwd(), list(sys.argv), list(sys.path), set(sys.modules))
    os.chdir(ref.program)
    sys.argv = ["__main__.py"]
    sys.path.insert(0, str(ref.program))
    try:
        yield
    finally:
        _forget_modules(before[3], ref.root, ref.program)
        sys.path[:] = before[2]
        sys.argv = before[1]
        os.chdir(before[0])


def _forget_modules(known: set[str], *folders: Path) -> None:
    prefixes = tuple(f"{folder.resolve()}{os.sep}" for folder in folders)
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        ours = any(name == kept or name.startswith(f"{kept}.") for kept in _KEPT)
        if file.startswith(prefixes) and "site-packages" not in file and not ours:
            del sys.modules[name]
