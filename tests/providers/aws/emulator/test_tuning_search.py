"""Where a tuning job looks: scales, draws, what Optuna learns, and when a job or a trial is ended."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from typing import Any

import pytest
from running_emulator import KIT

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker.tuning import ranges, stopping, trials
from providers.aws.emulator.sagemaker.tuning.optuna_search import OptunaSearch, Resources, need
from providers.aws.emulator.sagemaker.tuning.ranges import Numbers, Range
from providers.aws.emulator.sagemaker.tuning.search import GridSearch, RandomSearch, Search
from providers.aws.emulator.sagemaker.tuning.trials import Trial


def numbers(least: str, most: str, scaling: str = "Linear", kind: str = "Continuous") -> Numbers:
    """One range out of a request's form."""
    given = {"Name": "x", "MinValue": least, "MaxValue": most, "ScalingType": scaling}
    (found,) = ranges.parse({f"{kind}ParameterRanges": [given]})
    assert isinstance(found, Numbers)
    return found


def trial(place: int, value: float | None = None, status: str = "Completed", **facts: Any) -> Trial:
    """A trial that ended at the second of its number."""
    return Trial(place, place, f"job-{place}", "", facts.pop("values", {}), 0.0, status, value, ended=place, **facts)


def draws(one: Range, count: int = 2000) -> list[float]:
    """Many values."""
    chance = random.Random(3)
    return [float(one.drawn(chance)) for _ in range(count)]


def test_all_of_a_linear_range_is_as_likely() -> None:
    found = draws(numbers("-1", "3"))
    assert min(found) >= -1
    assert max(found) <= 3
    assert sum(value < 1 for value in found) == pytest.approx(1000, abs=120)


def test_each_magnitude_of_a_logarithmic_range_is_as_likely() -> None:
    found = draws(numbers("0.0001", "1", "Logarithmic"))
    assert sum(value < 0.01 for value in found) == pytest.approx(1000, abs=120)
    whole = draws(numbers("1", "10000", "Logarithmic", "Integer"))
    assert all(value == int(value) for value in whole)
    assert sum(value < 100 for value in whole) == pytest.approx(1000, abs=120)


def test_a_reverse_logarithmic_range_is_fine_at_its_end() -> None:
    found = draws(numbers("0.9", "0.9999", "ReverseLogarithmic"))
    assert min(found) >= 0.9
    assert max(found) <= 0.9999
    assert sum(value > 0.99 for value in found) > 1000


def test_integers_reach_both_ends() -> None:
    assert set(draws(numbers("1", "4", kind="Integer"), 200)) == {1, 2, 3, 4}


def test_auto_is_logarithmic_over_magnitudes() -> None:
    assert numbers("0.001", "1", "Auto").scaling == "Logarithmic"
    assert numbers("0.5", "1", "Auto").scaling == "Linear"
    assert numbers("0", "1000", "Auto").scaling == "Linear"


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_a_coordinate_leads_back_to_its_value(scaling: str) -> None:
    one = numbers("0.1", "0.9", scaling)
    for text in ("0.1", "0.37", "0.9"):
        coordinate = one.coordinate(text)
        assert coordinate is not None
        assert float(one.text(coordinate)) == pytest.approx(float(text))
    assert one.coordinate("0.95") is None
    assert one.coordinate("none") is None


def test_two_ranges_of_a_name_are_refused() -> None:
    twice = {"Name": "x", "Values": ["a"]}
    with pytest.raises(ApiError, match="more than one range: x"):
        ranges.parse({"CategoricalParameterRanges": [twice, twice]})


def test_a_number_of_a_draw_has_its_values_whenever_it_is_asked() -> None:
    one = RandomSearch([numbers("0", "1")], seed=4)
    again = RandomSearch([numbers("0", "1")], seed=4)
    first = [one.next(number) for number in range(3)]
    assert again.next(2) == first[2]
    assert len({str(values) for values in first}) == 3


def test_a_grid_ends() -> None:
    found = ranges.parse({"CategoricalParameterRanges": [{"Name": "a", "Values": ["1", "2"]}]})
    grid = GridSearch(found, seed=1)
    assert {str(grid.next(number)) for number in range(2)} == {"{'a': '1'}", "{'a': '2'}"}
    assert grid.next(2) is None


def study(seed: int = 1, earlier: list[tuple[dict[str, str], float]] | None = None, **how: Any) -> OptunaSearch:
    """A search of one number for its largest score."""
    return OptunaSearch("study", [numbers("0", "1")], seed, "Maximize", earlier or [], **how)


def run(search: OptunaSearch, places: range) -> list[Trial]:
    """Trials of `1 - |x - 0.3|`."""
    found = []
    for place in places:
        values = search.next(place)
        assert values is not None
        done = trial(place, 1 - abs(float(values["x"]) - 0.3), values=values)
        search.ended(done)
        found.append(done)
    return found


def test_a_bayesian_search_does_better_than_chance() -> None:
    def later(search: Search) -> float:
        found = []
        for place in range(20):
            values = search.next(place)
            assert values is not None
            found.append(trial(place, 1 - abs(float(values["x"]) - 0.3), values=values))
            search.ended(found[-1])
        return statistics.fmean(one.value or 0.0 for one in found[5:])

    seeds = range(0, 6000, 1000)
    learned = statistics.fmean(later(study(seed)) for seed in seeds)
    drawn = statistics.fmean(later(RandomSearch([numbers("0", "1")], seed)) for seed in seeds)
    assert learned > drawn + 0.05


def test_a_search_made_anew_goes_on_and_does_not_repeat() -> None:
    before = run(study(), range(8))
    again = study()
    for one in before:
        again.resume(one)
    after = run(again, range(8, 12))
    assert len({one.values["x"] for one in before + after}) == 12
    assert after[0].values == run(study(), range(9))[8].values


def test_a_warm_start_begins_near_the_best_of_its_parents() -> None:
    earlier = [({"x": str(x / 20)}, 1 - abs(x / 20 - 0.3)) for x in range(21)]
    found = run(study(earlier=earlier), range(6))
    assert sum(abs(float(one.values["x"]) - 0.3) < 0.2 for one in found) >= 4


def test_a_parents_value_out_of_the_range_is_left_out() -> None:
    assert run(study(earlier=[({"x": "7"}, 1.0), ({}, 1.0)]), range(2))


def test_hyperband_cuts_the_worse_and_gives_nobody_more_than_the_most() -> None:
    search = study(resources=Resources(1, 9))
    running = []
    for place in range(12):
        values = search.next(place)
        assert values is not None
        running.append(trial(place, None, "InProgress", values=values))
    cut: dict[int, int] = {}
    for step in range(1, 10):
        for one in reversed(running):  # the better ones come first, so that the others can be seen to be worse
            if one.place in cut:
                continue
            one.reports.append(float(one.place))
            if search.reported(one):
                cut[one.place] = step
    assert set(cut) == set(range(12))  # at the end all have had what they may
    early = [place for place, step in cut.items() if step < 9]
    assert len(early) >= 4
    assert cut[11] == 9


def test_least_resources_are_left_to_each() -> None:
    search = study(resources=Resources(5, 9))
    for place in range(6):
        assert search.next(place) is not None
        one = trial(place, None, "InProgress", reports=[float(place)] * 4)
        assert not search.reported(one)


def test_optuna_is_imported_by_the_first_search_that_needs_it() -> None:
    code = """
import sys
from importlib import import_module
from providers.aws.emulator.sagemaker.service import KINDS
for kind in KINDS:
    import_module("providers.aws.emulator.sagemaker." + kind)
assert "optuna" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=KIT, timeout=60)


def test_without_optuna_the_strategies_that_need_it_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ApiError, match=r"need optuna here: install mooring\[aws\]"):
        need()


def limits(**limits: Any) -> dict[str, Any]:
    """A configuration."""
    return {"ResourceLimits": {"MaxParallelTrainingJobs": 1} | limits}


def test_the_time_ends_a_job() -> None:
    assert stopping.is_enough(limits(MaxRuntimeInSeconds=120), [], "Maximize", time.time() - 121)
    assert not stopping.is_enough(limits(MaxRuntimeInSeconds=120), [], "Maximize", time.time() - 100)


def test_a_target_is_reached_from_its_own_side() -> None:
    config = limits() | {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.5}}
    for kind, value, is_enough in (("Maximize", 0.5, True), ("Maximize", 0.4, False), ("Minimize", 0.4, True),
                                   ("Minimize", 0.6, False)):  # fmt: skip
        assert stopping.is_enough(config, [trial(0, value)], kind, time.time()) is is_enough


def test_trials_without_improvement_are_counted_from_the_best() -> None:
    found = [trial(0, 0.1), trial(1, 0.5), trial(2, None, "Failed"), trial(3, 0.5), trial(4, 0.2)]
    assert trials.not_improving(found, "Maximize") == 2
    assert trials.not_improving(found, "Minimize") == 3
    assert trials.not_improving([], "Minimize") == 0


def test_the_median_is_of_the_running_averages() -> None:
    done = [trial(place, 1.0, reports=[value, value]) for place, value in enumerate((0.2, 0.4, 0.6))]
    assert stopping.is_below_median(trial(9, status="InProgress", reports=[0.9, 0.39]), done, "Maximize")
    assert not stopping.is_below_median(trial(9, status="InProgress", reports=[0.1, 0.41]), done, "Maximize")
    assert stopping.is_below_median(trial(9, status="InProgress", reports=[0.41]), done, "Minimize")
    assert not stopping.is_below_median(trial(9, status="InProgress", reports=[0.1]), done[:2], "Maximize")


def test_failures_are_told_in_their_own_words() -> None:
    failed, silent, good = trial(0, status="Failed"), trial(1), trial(2, 0.5)
    assert stopping.failure([failed] * 4, is_over=False) == ""
    assert stopping.failure([failed] * 5, is_over=False).startswith("No training job succeeded after 5 attempts")
    assert stopping.failure([failed] * 2, is_over=True).startswith("All training jobs failed")
    assert stopping.failure([failed, silent], is_over=True).startswith("No objective metrics found after running 2")
    assert stopping.failure([failed] * 5 + [good], is_over=True) == ""
