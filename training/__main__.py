"""`python -m training`: one training job under the contract of the platform that it runs on (`training.jobs`).

Progress goes to standard output. Where it cannot go on, the last line of standard error says why, in one line, the
platform is told the same in its own way, and the exit code is 1.
"""

from __future__ import annotations

import os
import sys
import traceback

from training.errors import TrainingError
from training.jobs.contracts import contract_of
from training.jobs.job import Job
from training.jobs.reporting import Reporter
from training.report.drawing import Deferred, Drawing, start


def main(arguments: list[str]) -> int:
    """Run the job; the process's exit code."""
    reporter = Reporter()
    try:
        contract = contract_of(os.environ)
        reporter = contract.reporter(os.environ)
        run(contract.read(arguments, os.environ))
    except TrainingError as error:
        return _failed(reporter, f"training failed: {error}")
    except OSError as error:
        where = f" ({os.path.basename(str(error.filename))})" if error.filename else ""
        return _failed(reporter, f"training failed: {error.strerror or error}{where}")
    except Exception as error:  # noqa: BLE001 - a fault of ours or of a library: the platform is told of it too
        traceback.print_exc()
        _tell(reporter, f"training failed: {type(error).__name__}: {error}")
        return 1
    return 0


def run(job: Job) -> None:
    """Run the job here; of several machines, on the first."""
    if job.resources.rank:
        print(f"{job.resources.host} is one of several machines; the trainer runs on {job.resources.hosts[0]} alone")
        return
    job.train  # noqa: B018 - missing data and wrong arguments are told before NumPy and scikit-learn are loaded
    if job.hyperparameters.get("task") == "ranking":  # without figures, and without an ONNX form
        _run(job, None)
        return
    with start() as drawing:  # matplotlib is loaded on the one processor while scikit-learn is on the other
        _run(job, drawing)


def _run(job: Job, drawing: Drawing | Deferred | None) -> None:
    from training.forms.onnx_tools import Beside
    from training.workflow import run_job

    run_job(job, lambda line: print(line, flush=True), Beside, drawing)


def _failed(reporter: Reporter, reason: str) -> int:
    _tell(reporter, reason)
    print(reason, file=sys.stderr)
    return 1


def _tell(reporter: Reporter, reason: str) -> None:
    try:
        reporter.failure(reason)
    except OSError as error:  # a full disk; the reason is on standard error
        print(f"the reason could not be left for the platform: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
