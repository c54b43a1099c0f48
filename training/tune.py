"""`python -m training.tune`: several trainings over a space of hyperparameters; the best one's model is the result.

`MOORING_TUNING_FILE` names a JSON file: `space` (name to `{type, low, high, log, choices}`), `objective`
(`{metric, direction}`), `strategy`, `trials`, `parallelTrials`, `seed`, `hyperparameters` (the fixed ones) and
`command` (the user's script; null for `python -m training`). On another platform the same comes as the hyperparameter
`tuning`, in JSON. Otherwise the contract is that of a training job.

Each trial is a process with folders of its own below the checkpoint folder. Every trial that ends is appended to
`trials.jsonl` there, so an interrupted tuning goes on behind the last one. `hyperband` first trains on a ninth and
on a third of the rows and gives up on what does badly there.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from training.data.shares import write_share
from training.errors import TrainingError, nearest
from training.jobs.contracts import contract_of
from training.jobs.local import variables, with_all_folders
from training.jobs.reporting import Reporter
from training.jobs.spawn import spawn
from training.jobs.tuning import configuration
from training.space import as_arguments, distribution, grid

RUNGS = (1, 3, 9)
"""Hyperband's resource: ninths of the training rows, a factor of three from one rung to the next."""
FEWEST = 50
"""Rows that a share of the data has at least."""


@dataclass
class Attempt:
    """One trial under way."""

    trial: Any
    folder: Path
    rung: int = len(RUNGS) - 1
    intermediate: dict[int, float] = field(default_factory=dict)


class Tuning:
    """One tuning, from its configuration and the environment of the job."""

    def __init__(self, config: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.config, self.environment = config, dict(environment)
        self.base = Path(environment["MOORING_CHECKPOINT_DIR"])
        self.journal = self.base / "trials.jsonl"
        self.metric, self.direction = config["objective"]["metric"], config["objective"]["direction"]
        self.seed = int(config.get("seed") or 0)
        self.banded = config["strategy"] == "hyperband"
        self.done = self._read_journal()
        self.running: dict[int, Attempt] = {}
        self.reason = ""

    def run(self) -> None:
        """All trials that are still to do, then the result. Raises TrainingError when none succeeded."""
        study, distributions = self._study()
        limit = min(int(self.config["trials"]), self._enqueue_grid(study))
        self._clean()
        if self.done:
            print(f"going on after {len(self.done)} of {limit} trials", flush=True)
        started = len(self.done)
        while started < limit or self.running:
            while started < limit and len(self.running) < int(self.config["parallelTrials"]):
                trial = study.ask(distributions)
                attempt = Attempt(trial, self.base / "trials" / str(started), rung=0 if self.banded else len(RUNGS) - 1)
                self._start(attempt)
                started += 1
            pid, status = os.wait()
            if pid in self.running:
                self._finish(study, self.running.pop(pid), os.waitstatus_to_exitcode(status))
        self._result()

    def _study(self) -> tuple[Any, dict[str, Any]]:
        """The study with the trials that are done, and the distribution of each hyperparameter."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        seed = self.seed + len(self.done)  # what goes on must not draw the same again
        guided = self.config["strategy"] in ("bayesian", "hyperband")
        parallel = int(self.config["parallelTrials"]) > 1
        sampler: Any = optuna.samplers.RandomSampler(seed)
        if guided:
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=parallel)
        pruner = optuna.pruners.HyperbandPruner(RUNGS[0], RUNGS[-1], 3) if self.banded else optuna.pruners.NopPruner()
        study = optuna.create_study(study_name="tuning", sampler=sampler, pruner=pruner, direction=self.direction)
        space = {name: distribution(limits) for name, limits in self.config["space"].items()}
        for entry in self.done:
            study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState[entry["state"]],
                    params=entry["parameters"],
                    distributions=space,
                    value=entry["value"],
                    intermediate_values={int(step): value for step, value in entry["intermediate"].items()},
                )
            )
        return study, space

    def _enqueue_grid(self, study: Any) -> int:
        """Queue what a grid has left; how many trials there can be."""
        trials = int(self.config["trials"])
        if self.config["strategy"] != "grid":
            return trials
        points = list(islice(grid(self.config["space"], trials), trials))
        for point in points[len(self.done) :]:
            study.enqueue_trial(point)
        return len(points)

    def _start(self, attempt: Attempt) -> None:
        """Run one trial's training as a process."""
        folder = attempt.folder
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("model", "output", "checkpoint"):
            (folder / name).mkdir(parents=True)
        parameters = {**self.config["hyperparameters"], **attempt.trial.params}
        variables = {
            **self.environment,
            "MOORING_MODEL_DIR": str(folder / "model"),
            "MOORING_OUTPUT_DIR": str(folder / "output"),
            "MOORING_CHECKPOINT_DIR": str(folder / "checkpoint"),
            "MOORING_METRICS_FILE": str(folder / "metrics.json"),
            "MOORING_HYPERPARAMETERS": json.dumps(parameters, sort_keys=True),
            "MOORING_TRIAL": folder.name,
        }
        if RUNGS[attempt.rung] < RUNGS[-1]:
            variables["MOORING_CHANNEL_TRAIN"] = str(self._share(RUNGS[attempt.rung]))
        self.running[spawn(self.config.get("command"), as_arguments(parameters), variables, folder / "log.txt")] = (
            attempt
        )

    def _share(self, ninths: int) -> Path:
        """A file with a part of the training rows, the same for every trial."""
        source = Path(self.environment["MOORING_CHANNEL_TRAIN"])
        return write_share(source, self.base / "shares", str(ninths), ninths / RUNGS[-1], FEWEST, self.seed)

    def _finish(self, study: Any, attempt: Attempt, code: int) -> None:
        """Note what became of a process: the next rung, or the end of its trial."""
        number = attempt.folder.name
        value, problem = self._value(attempt.folder, code)
        if attempt.rung < len(RUNGS) - 1:
            if value is not None:  # a share may be too small to train on; then the next rung decides
                attempt.intermediate[RUNGS[attempt.rung]] = value
                attempt.trial.report(value, RUNGS[attempt.rung])
                if attempt.trial.should_prune():
                    self._end(study, attempt, "PRUNED", None)
                    print(f"trial {number}: given up, {self.metric} {value:.6g} on {RUNGS[attempt.rung]}/9", flush=True)
                    return
            attempt.rung += 1
            self._start(attempt)
            return
        self._end(study, attempt, "FAIL" if value is None else "COMPLETE", value)
        shown = json.dumps(attempt.trial.params, sort_keys=True)
        if value is None:
            self.reason = problem
            print(f"trial {number} failed: {problem} {shown}", flush=True)
        else:
            print(f"trial {number}: {self.metric} {value:.6g} {shown}", flush=True)

    def _value(self, folder: Path, code: int) -> tuple[float | None, str]:
        """What the trial reached, or why it reached nothing."""
        if code:
            said = (folder / "log.txt").read_text(errors="replace").rstrip().splitlines()
            return None, said[-1].strip() if said else f"it ended with exit code {code}"
        try:
            metrics = json.loads((folder / "metrics.json").read_bytes())
            return float(metrics[self.metric]), ""
        except KeyError:
            return None, f"it measured no '{self.metric}'{nearest(self.metric, metrics)}"
        except (OSError, ValueError, TypeError) as error:
            return None, f"its metrics file is missing or not JSON of name to number ({error})"

    def _end(self, study: Any, attempt: Attempt, state: str, value: float | None) -> None:
        import optuna

        study.tell(attempt.trial, value, state=optuna.trial.TrialState[state])
        entry = {
            "number": int(attempt.folder.name),
            "state": state,
            "value": value,
            "parameters": attempt.trial.params,
            "intermediate": attempt.intermediate,
        }
        with self.journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.done.append(entry)
        self._clean()

    def _read_journal(self) -> list[dict[str, Any]]:
        """Trials that ended; a last line that was cut by a kill is dropped."""
        try:
            lines = self.journal.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        whole = [line for line in lines if line.endswith("\n")]
        if len(whole) < len(lines):
            self.journal.write_text("".join(whole), encoding="utf-8")
        return [json.loads(line) for line in whole]

    def best(self) -> dict[str, Any] | None:
        """The best trial that is done; the first of several equal ones."""
        complete = [entry for entry in self.done if entry["state"] == "COMPLETE"]
        sign = -1 if self.direction == "maximize" else 1
        return min(complete, key=lambda entry: (sign * entry["value"], entry["number"]), default=None)

    def _clean(self) -> None:
        """Keep the folders of the best trial and of those under way, no others."""
        best = self.best()
        kept = {attempt.folder.name for attempt in self.running.values()} | {str(best["number"]) if best else ""}
        for folder in (self.base / "trials").glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _result(self) -> None:
        best = self.best()
        if best is None:
            raise TrainingError(f"none of {len(self.done)} trials succeeded; the last one: {self.reason}")
        folder = self.base / "trials" / str(best["number"])
        model = Path(self.environment["MOORING_MODEL_DIR"])
        shutil.copytree(folder / "model", model, dirs_exist_ok=True)
        if self.config.get("command") is None:
            from training.report.artifact import complete

            complete(model)
        summary = {
            "best_parameters": best["parameters"],
            "best_value": best["value"],
            "completed_trials": sum(entry["state"] != "FAIL" for entry in self.done),
            "trials": self.done,
        }
        (Path(self.environment["MOORING_OUTPUT_DIR"]) / "tuning.json").write_text(json.dumps(summary, indent=1) + "\n")
        shutil.copyfile(folder / "metrics.json", self.environment["MOORING_METRICS_FILE"])
        print(f"best: trial {best['number']}, {self.metric} {best['value']:.6g}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the tuning under whatever contract holds; the process's exit code."""
    reporter = Reporter()
    try:
        contract = contract_of(os.environ)
        reporter = contract.reporter(os.environ)
        job = with_all_folders(contract.read(arguments, os.environ))
        if job.resources.rank:
            print(f"{job.resources.host} is one of several machines; the tuning runs on {job.resources.hosts[0]} alone")
            return 0
        Tuning(configuration(job, os.environ), {**os.environ, **variables(job)}).run()
        if job.metrics_file is not None and job.metrics_file.exists():
            job.reporter.metrics(json.loads(job.metrics_file.read_bytes()))
    except (TrainingError, OSError) as error:
        reporter.failure(f"tuning failed: {error}")
        print(f"tuning failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
