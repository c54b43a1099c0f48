"""One tuning job from its creation to its end, in a thread of its own. Each trial is a training job.

All that is needed to go on is in the state: the trials, and what each reported. A search is made anew from them.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker import tags, training_jobs
from providers.aws.emulator.sagemaker.training import container
from providers.aws.emulator.sagemaker.training import run as training
from providers.aws.emulator.sagemaker.tuning import definitions, stopping, trials
from providers.aws.emulator.sagemaker.tuning.definitions import Definition
from providers.aws.emulator.sagemaker.tuning.reports import Reports
from providers.aws.emulator.sagemaker.tuning.search import GridSearch, RandomSearch, Search, Values
from providers.aws.emulator.sagemaker.tuning.trials import Trial
from providers.aws.emulator.state import Thing
from providers.aws.emulator.work import Halted
from providers.local.jobs.jobs import Jobs

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "tuning_jobs"
SEED = "_seed"
"""Member of a tuning job: what its draws begin with."""
TERMINAL = frozenset({"Completed", "Failed", "Stopped", "DeleteFailed"})
LOOK_SECONDS = 0.05
FIRST_HOST = "algo-1"


class TuningRun:
    """Carries out one job."""

    def __init__(self, service: SageMaker, region: str, name: str) -> None:
        self.service, self.region, self.name = service, region, name
        self._folders = Jobs(service.home)
        self._readers: dict[str, Reports] = {}
        self._stopped: set[str] = set()

    @property
    def key(self) -> str:
        """What the thread is known by."""
        return f"{KIND}:{self.region}:{self.name}"

    def begin(self) -> None:
        """Have a thread carry it out, unless one does already."""
        self.service.work.begin(self.key, self.run)

    def run(self) -> None:
        """To the end."""
        job = self._job()
        if job["HyperParameterTuningJobStatus"] in TERMINAL:
            return
        self._arn, self._config = job["HyperParameterTuningJobArn"], job["HyperParameterTuningJobConfig"]
        self._definitions = definitions.definitions(job)
        self._kind = self._definitions[0].objective["Type"]
        self._trials = trials.read(job)
        self._searches = [self._search(job, one) for one in self._definitions]
        for trial in self._trials:
            if not trial.has_ended and self.service.state.find(training.KIND, self.region, trial.job) is None:
                self._create(trial)  # it was written down, and the emulator killed before it was begun
        self._outcome: tuple[str, str] | None = None
        self._is_exhausted = False
        while not self._step():
            if self.service.work.halt.wait(LOOK_SECONDS):
                raise Halted

    # One look

    def _step(self) -> bool:
        """Look at what runs, begin what may begin; whether the job has ended."""
        running = [trial for trial in self._trials if not trial.has_ended]
        before = [(trial.status, trial.value, len(trial.reports)) for trial in running]
        for trial in running:
            self._look(trial)
        if before != [(trial.status, trial.value, len(trial.reports)) for trial in running]:
            self._save()
        running = [trial for trial in running if not trial.has_ended]
        self._outcome = self._outcome or self._judge(running)
        if self._outcome is None:
            self._begin_trials(self._config["ResourceLimits"]["MaxParallelTrainingJobs"] - len(running))
        elif running:
            for trial in running:
                self._stop(trial)
        else:
            self._end(*self._outcome)
            return True
        return False

    def _look(self, trial: Trial) -> None:
        definition, search = self._of(trial)
        reader = self._reader(trial, definition)
        trial.look(self.service.state.find(training.KIND, self.region, trial.job), definition.objective["MetricName"])
        fresh = reader.new()
        for value in fresh:  # one after the other, as a rule of stopping looks at each
            trial.reports.append(value)
            if not trial.has_ended and not trial.is_cut and self._promises_too_little(trial, search):
                trial.is_cut = True
                self._stop(trial)
        if trial.has_ended:
            if trial.value is not None and trial.reports[-1:] != [trial.value]:
                trial.reports.append(trial.value)
            search.ended(trial)
            self._readers.pop(trial.job, None)

    def _promises_too_little(self, trial: Trial, search: Search) -> bool:
        if search.reported(trial):
            return True
        is_auto = self._config.get("TrainingJobEarlyStoppingType") == "Auto"
        own = [one for one in self._trials if one.definition == trial.definition]
        return is_auto and stopping.is_below_median(trial, own, self._kind)

    def _judge(self, running: list[Trial]) -> tuple[str, str] | None:
        """Status and reason of the job's end, once it is to end."""
        if self._job()["HyperParameterTuningJobStatus"] == "Stopping":
            return "Stopped", ""
        most = self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        is_over = not running and (self._is_exhausted or (most is not None and len(self._trials) >= most))
        if reason := stopping.failure(self._trials, is_over):
            return "Failed", reason
        began = self._job()["CreationTime"]
        if is_over or stopping.is_enough(self._config, self._trials, self._kind, began):
            return "Completed", ""
        return None

    # Trials

    def _begin_trials(self, room: int) -> None:
        most = self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        left = room if most is None else min(room, most - len(self._trials))
        for _ in range(left):
            trial = self._next()
            if trial is None:
                self._is_exhausted = True
                return
            self._trials.append(trial)
            self._save()
            self._create(trial)

    def _next(self) -> Trial | None:
        """The next trial: the definitions take turns."""
        number = len(self._trials)
        for turn in range(len(self._definitions)):
            index = (number + turn) % len(self._definitions)
            definition = self._definitions[index]
            place = sum(trial.definition == definition.name for trial in self._trials)
            values = self._searches[index].next(place)
            if values is not None:
                job = f"{self.name}-{number + 1:03}-{secrets.token_hex(4)}"
                return Trial(number, place, job, definition.name, values, time.time())
        return None

    def _create(self, trial: Trial) -> None:
        definition, _ = self._of(trial)
        request = definition.training_job(trial.job, trial.values)
        request["Tags"] = tags.of(self.service.state, self.region, self._arn)
        try:
            training_jobs.create_job(self.service, self.region, request, TuningJobArn=self._arn)
        except ApiError as error:
            trial.status, trial.reason = "Failed", f"ClientError: {error.message}"[:1024]
            self._save()

    def _stop(self, trial: Trial) -> None:
        if trial.job in self._stopped:
            return
        self._stopped.add(trial.job)
        try:
            training_jobs.stop_job(self.service, self.region, trial.job)
        except ApiError:
            pass  # it has ended just now

    # Parts

    def _search(self, job: Thing, definition: Definition) -> Search:
        """The definition's search, which knows all trials that there were."""
        own = [trial for trial in self._trials if trial.definition == definition.name]
        search = self._new_search(job, definition)
        for trial in own:
            search.resume(trial)
        return search

    def _new_search(self, job: Thing, definition: Definition) -> Search:
        strategy, seed = self._config["Strategy"], int(job[SEED])
        if strategy == "Random":
            return RandomSearch(definition.ranges, seed)
        if strategy == "Grid":
            return GridSearch(definition.ranges, seed)
        from providers.aws.emulator.sagemaker.tuning.optuna_search import OptunaSearch

        given = definitions.resources(self._config, definition) if strategy == "Hyperband" else None
        return OptunaSearch(self.name, definition.ranges, seed, self._kind, self._earlier(job), given)

    def _earlier(self, job: Thing) -> list[tuple[Values, float]]:
        """Values and results of the jobs that this one starts warm from."""
        found: list[tuple[Values, float]] = []
        for parent in parents(job):
            body = self.service.state.find(KIND, self.region, parent)
            for trial in trials.read(body or {}):
                if trial.objective_status == "Succeeded" and trial.value is not None:
                    found.append((trial.values, trial.value))
        return found

    def _of(self, trial: Trial) -> tuple[Definition, Search]:
        index = next(index for index, one in enumerate(self._definitions) if one.name == trial.definition)
        return self._definitions[index], self._searches[index]

    def _reader(self, trial: Trial, definition: Definition) -> Reports:
        if trial.job not in self._readers:
            folder = self._folders.folder(container.job_id(self.region, trial.job, FIRST_HOST))
            self._readers[trial.job] = Reports(folder, definition.regex(), len(trial.reports))
        return self._readers[trial.job]

    # State

    def _job(self) -> Thing:
        job = self.service.state.find(KIND, self.region, self.name)
        if job is None:
            raise Halted  # deleted meanwhile
        return job

    def _save(self) -> None:
        self.service.state.edit(KIND, self.region, self.name, lambda body: trials.write(body, self._trials))

    def _end(self, status: str, reason: str) -> None:
        def note(body: Thing) -> None:
            trials.write(body, self._trials)
            now = time.time()
            body |= {
                "HyperParameterTuningJobStatus": status,
                "HyperParameterTuningEndTime": now,
                "ConsumedResources": {"RuntimeInSeconds": round(now - body["CreationTime"])},
                **({"FailureReason": reason} if reason else {}),
            }

        self.service.state.edit(KIND, self.region, self.name, note)


def parents(job: Thing) -> list[str]:
    """Names of the jobs that a job starts warm from."""
    given = (job.get("WarmStartConfig") or {}).get("ParentHyperParameterTuningJobs") or ()
    return [one["HyperParameterTuningJobName"] for one in given]
