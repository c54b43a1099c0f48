"""Bayesian and Hyperband searches, by Optuna: imported when the first of them begins, as it takes a second."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker.tuning.ranges import Category, Range
from providers.aws.emulator.sagemaker.tuning.search import Values
from providers.aws.emulator.sagemaker.tuning.trials import Trial

if TYPE_CHECKING:
    import optuna

FIRST_AT_RANDOM = 5
"""Trials before the first that learns from others."""
REDUCTION = 3
"""Of so many trials on a rung of Hyperband one goes on."""


@dataclass(frozen=True)
class Resources:
    """Reports (epochs) of the objective that Hyperband leaves a trial at least, and gives it at most."""

    least: int
    most: int


def need() -> None:
    """Raise ApiError where Optuna is not installed."""
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise validation("The strategies Bayesian and Hyperband need optuna here: install mooring[aws]")


class OptunaSearch:
    """A study of one definition. `earlier` are values and results of the tuning jobs that it starts warm from."""

    def __init__(
        self,
        name: str,
        ranges: Sequence[Range],
        seed: int,
        kind: str,
        earlier: Sequence[tuple[Values, float]] = (),
        resources: Resources | None = None,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._ranges, self._seed, self._resources = ranges, seed, resources
        self._distributions = {one.name: _distribution(one) for one in ranges}
        pruner = optuna.pruners.NopPruner() if resources is None else optuna.pruners.HyperbandPruner(
            resources.least, resources.most, REDUCTION
        )  # fmt: skip
        direction = "maximize" if kind == "Maximize" else "minimize"
        self._study = optuna.create_study(study_name=name, direction=direction, pruner=pruner)
        self._open: dict[int, optuna.Trial] = {}
        self._told: dict[int, int] = {}
        for values, result in earlier:
            if (known := self._coordinates(values)) is not None:
                self._study.add_trial(
                    optuna.trial.create_trial(params=known, distributions=self._distributions, value=result)
                )

    def next(self, number: int) -> Values | None:
        """What promises most by all that is known."""
        import optuna

        # A sampler of its own for each number, so that a search made anew after a restart does not begin again.
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed + number) % 2**32, n_startup_trials=FIRST_AT_RANDOM, multivariate=True, constant_liar=True
        )
        asked = self._study.ask(self._distributions)
        self._open[number] = asked
        return {one.name: one.text(asked.params[one.name]) for one in self._ranges}

    def resume(self, trial: Trial) -> None:
        """Take up a trial that an earlier search began, with all that it reported."""
        known = self._coordinates(trial.values)
        if known is None:
            return
        self._study.enqueue_trial(known)
        self._open[trial.place] = self._study.ask(self._distributions)
        self.reported(trial)
        if trial.has_ended:
            self.ended(trial)

    def reported(self, trial: Trial) -> bool:
        """Whether Hyperband stops the trial: it has had all that it may, or others do better."""
        asked = self._open.get(trial.place)
        if asked is None or self._resources is None:
            return False
        cut = False
        for step in range(self._told.get(trial.place, 0) + 1, len(trial.reports) + 1):
            asked.report(trial.reports[step - 1], step)
            cut = asked.should_prune() or cut
            self._told[trial.place] = step
        return cut or len(trial.reports) >= self._resources.most

    def ended(self, trial: Trial) -> None:
        """Tell the study."""
        from optuna.trial import TrialState

        asked = self._open.pop(trial.place, None)
        if asked is None:
            return
        if trial.objective_status != "Succeeded":
            self._study.tell(asked, state=TrialState.FAIL)
        elif trial.is_cut and self._resources and len(trial.reports) < self._resources.most:
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, trial.value)

    def _coordinates(self, values: Values) -> dict[str, float | int | str] | None:
        """None where the values are not all of our ranges."""
        found = {one.name: one.coordinate(values.get(one.name, "")) for one in self._ranges}
        known = {name: coordinate for name, coordinate in found.items() if coordinate is not None}
        return known if len(known) == len(found) else None


def _distribution(one: Range) -> optuna.distributions.BaseDistribution:
    import optuna

    if isinstance(one, Category):
        return optuna.distributions.CategoricalDistribution(one.values)
    low, high = one.bounds
    if one.is_integer:
        return optuna.distributions.IntDistribution(round(low), round(high), log=one.is_logarithmic)
    return optuna.distributions.FloatDistribution(low, high, log=one.is_logarithmic)
