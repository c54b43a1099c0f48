"""`python -m training`: one training job under the local cloud's contract (see `training.jobs.job`).

Progress goes to standard output. Where it cannot go on, the last line of standard error says why, in one line,
and the exit code is 1.
"""

from __future__ import annotations

import os
import sys

from training.errors import TrainingError
from training.jobs.job import local_job


def main(arguments: list[str]) -> int:
    """Run the job; the process's exit code."""
    try:
        job = local_job(arguments)
        # Imported only now: a wrong argument is told before NumPy and scikit-learn are loaded.
        from training.workflow import run_job

        run_job(job, lambda line: print(line, flush=True))
    except TrainingError as error:
        print(f"training failed: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f" ({os.path.basename(str(error.filename))})" if error.filename else ""
        print(f"training failed: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
