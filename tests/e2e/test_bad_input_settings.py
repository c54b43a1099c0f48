"""Settings that cannot be: one error in the preview, with the file, the line, the key, and what would be right."""

from __future__ import annotations

import pytest

from tests.e2e.support.project import Project
from tests.e2e.support.refusals import refusal, state_file, untouched
from tests.e2e.support.stacks import iris

pytestmark = pytest.mark.slow

GOOD = iris(trees=2)
MISTAKES = {
    "a misspelt key of the stack": (
        ("mooring:endpoints:", "mooring:endpoint:"),
        "stacks/Pulumi.local.yaml:14: endpoint: unknown key (did you mean 'endpoints'?)",
    ),
    "a misspelt key inside": (
        ("target:", "targt:"),
        "stacks/Pulumi.local.yaml:10: models.iris.training.targt: unknown key (did you mean 'target'?)",
    ),
    "an unknown key": (
        ("      model: iris\n", "      model: iris\n      weather: red\n"),
        "stacks/Pulumi.local.yaml:17: endpoints.iris.weather: unknown key (one of: model, models, ",
    ),
    "a misspelt namespace": (
        ("mooring:endpoints:", "moring:endpoints:"),
        "stacks/Pulumi.local.yaml:14: moring:endpoints: unknown namespace 'moring' (did you mean 'mooring'?)",
    ),
    "a misspelt cloud": (
        ("cloud: local", "cloud: loacl"),
        "stacks/Pulumi.local.yaml:2: cloud: unknown cloud 'loacl' (did you mean 'local'?)",
    ),
    "text for a number": (
        ("target: species", "target: species\n        seed: many"),
        "stacks/Pulumi.local.yaml:11: models.iris.training.seed: must be a whole number, not 'many'",
    ),
    "text for a mapping": (
        ("    iris:\n      model: iris\n", "    iris: iris\n"),
        "stacks/Pulumi.local.yaml:15: endpoints.iris: must be a mapping of keys, not 'iris'",
    ),
    "an endpoint with a model that is not there": (
        ("      model: iris\n", "      model: irs\n"),
        "stacks/Pulumi.local.yaml:16: endpoints.iris.model: there is no model 'irs' (did you mean 'iris'?)",
    ),
    "an endpoint without a model": (
        ("      model: iris\n", "      replicas: 1\n"),
        "stacks/Pulumi.local.yaml:15: endpoints.iris: names no model; set 'model' to one of: iris",
    ),
    "traffic that does not sum to 100": (
        ("      model: iris\n", "      models: {iris: 90}\n"),
        "stacks/Pulumi.local.yaml:16: endpoints.iris.models: the traffic sums to 90, and must sum to 100",
    ),
    "a target that is no column": (
        ("target: species", "target: specis"),
        "local.yaml:10: models.iris.training.target: data/iris.csv has no column 'specis' (did you mean 'species'?)",
    ),
    "a dataset that is not there": (
        ("data/iris.csv", "data/irs.csv"),
        "stacks/Pulumi.local.yaml:5: datasets.iris.path: there is no file or folder 'data/irs.csv'; paths are relative",
    ),
    "no YAML": (
        ("config:", "config: ["),
        "stacks/Pulumi.local.yaml:3:19: not valid YAML: did not find expected ',' or ']'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows_in_the_preview_with_its_place_and_its_remedy(project: Project, mistake: str) -> None:
    (old, new), message = MISTAKES[mistake]
    assert GOOD.count(old) >= 1
    project.write_stack("local", GOOD.replace(old, new))
    assert message in refusal(project, "preview", "--stack", "local")
    assert untouched(project, "local")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data/few.csv is empty: a CSV needs a line with the column names and one row at least"),
        ("length,species\n", "data/few.csv has a header and no rows"),
    ],
    ids=["no byte", "no row"],
)
def test_an_empty_csv_shows_in_the_preview(project: Project, content: str, message: str) -> None:
    (project.root / "data" / "few.csv").write_text(content)
    project.write_stack("local", GOOD.replace("data/iris.csv", "data/few.csv"))
    error = refusal(project, "preview", "--stack", "local")
    assert "Dataset iris" in error
    assert message in error
    assert untouched(project, "local")


def test_an_empty_stack_file_is_told_what_it_needs(project: Project) -> None:
    project.write_stack("local", "")
    error = refusal(project, "up", "--stack", "local", "--yes")
    assert "stacks/Pulumi.local.yaml: cloud: missing: where the stack lives: local, aws" in error
    assert untouched(project, "local")


def test_a_deployed_stack_is_as_before_a_mistake_and_goes_on_after_it(project: Project) -> None:
    project.write_stack("local", GOOD)
    project.run("up", "--stack", "local", "--yes")
    state = state_file(project, "local").read_bytes()
    project.write_stack("local", GOOD.replace("model: iris", "model: irs"))
    refusal(project, "up", "--stack", "local", "--yes")
    assert sorted(_resources(state)) == sorted(_resources(state_file(project, "local").read_bytes()))
    assert project.json("status", "--stack", "local", expect=None)["endpoints"][0]["status"] == "healthy"
    project.write_stack("local", GOOD)
    project.run("preview", "--stack", "local", "--expect-no-changes")
    # What is deployed can be taken down whatever its settings have become.
    project.write_stack("local", GOOD.replace("target:", "targt:"))
    project.run("destroy", "--stack", "local", "--yes")
    assert project.processes() == []


def _resources(state: bytes) -> list[tuple[str, str]]:
    import json

    latest = json.loads(state)["checkpoint"]["latest"]
    return [(resource["urn"], resource.get("id", "")) for resource in latest["resources"]]
