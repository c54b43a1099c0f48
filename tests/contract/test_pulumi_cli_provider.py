"""The provider from source under the real Pulumi CLI."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from contract.cli_project import CliProject

pytestmark = [pytest.mark.pulumi_cli, pytest.mark.slow]

WHOLE = """
data = Dataset("iris", cloud="fake", source="a.csv")
train = {"uri": data.uri, "version": data.version}
model = Model("iris", cloud="fake")
run = TrainingRun("iris", cloud="fake", model=model.name, channels={"train": train},
                  hyperparameters={"n_estimators": %s})
version = ModelVersion("iris", cloud="fake", model=model.name, artifact=run.artifact, digest=run.digest)
secret = {"KEY": pulumi.Output.secret("s3cret-value")}
endpoint = Endpoint("iris", cloud="fake", deployments=[
    {"name": "iris", "model": model.name, "digest": version.digest, "environment": secret}])
pulumi.export("url", endpoint.predict_url)
"""

RUN = """
TrainingRun("job", cloud="fake", model="m", channels={"train": {"uri": "u"}}, overrides=%s)
"""


@pytest.fixture
def project(tmp_path: Path) -> CliProject:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    return CliProject(tmp_path)


def test_a_stack_goes_up_changes_and_goes_down(project: CliProject) -> None:
    project.program(WHOLE % 10)
    project.run("preview")
    project.up()
    project.no_changes()
    project.run("refresh", "--yes", "--expect-no-changes")
    first = project.resources()
    assert set(first) == {f"{kind}/iris" for kind in ("Dataset", "Model", "TrainingRun", "ModelVersion", "Endpoint")}
    assert "s3cret-value" not in project.run("stack", "export", "--stack", "dev")

    project.program(WHOLE % 20)
    planned = project.run("preview", "--diff")
    assert "+-moor:index:TrainingRun: (replace)" in planned.replace(" ", "").replace("(replace)", " (replace)")
    project.up()
    project.no_changes()
    second = project.resources()
    assert second["TrainingRun/iris"]["id"] != first["TrainingRun/iris"]["id"]
    assert second["Endpoint/iris"]["id"] == first["Endpoint/iris"]["id"]
    assert second["Dataset/iris"]["id"] == first["Dataset/iris"]["id"]
    assert all(record["claimed"] for record in project.cloud.all().values())

    project.run("destroy", "--yes", "--skip-preview")
    assert not project.resources()
    assert not any(project.of(kind) for kind in ("Dataset", "Model", "TrainingRun", "ModelVersion", "Endpoint"))


def test_changed_data_updates_the_dataset_and_trains_again(project: CliProject) -> None:
    project.program(WHOLE % 10)
    project.up()
    before = project.resources()
    (project.root / "a.csv").write_text("x,y\n3,4\n")
    project.run("preview", "--expect-no-changes", fails=True)
    project.up()
    after = project.resources()
    assert after["Dataset/iris"]["id"] == before["Dataset/iris"]["id"]
    assert after["TrainingRun/iris"]["id"] != before["TrainingRun/iris"]["id"]


def test_a_thing_deleted_behind_its_back_is_made_again_after_a_refresh(project: CliProject) -> None:
    project.program('Model("iris", cloud="fake")')
    project.up()
    project.cloud.remove(next(iter(project.of("Model"))))
    project.run("refresh", "--yes", "--skip-preview")
    assert not project.resources()
    project.up()
    assert len(project.of("Model")) == 1


def test_import_takes_over_what_exists_without_a_change(project: CliProject) -> None:
    project.program('Model("iris", cloud="fake", keep_versions=3)')
    project.up()
    id = project.resources()["Model/iris"]["id"]
    project.run("state", "delete", project.resources()["Model/iris"]["urn"], "--yes")
    project.run(
        "import", "moor:index:Model", "iris", id, "--yes", "--skip-preview", "--generate-code=false", "--protect=false"
    )
    assert project.resources()["Model/iris"]["inputs"]["keepVersions"] == 3
    project.no_changes()


def test_replace_never_adopts(project: CliProject) -> None:
    project.program(RUN % {})
    project.up()
    before = project.resources()["TrainingRun/job"]
    project.run("up", "--yes", "--skip-preview", "--replace", before["urn"])
    after = project.resources()["TrainingRun/job"]
    assert after["id"] != before["id"]
    assert list(project.of("TrainingRun")) == [after["id"].partition(":")[2]]


def test_a_failed_job_fails_the_deployment_with_its_reason_and_leaves_nothing(project: CliProject) -> None:
    project.program(RUN % {"fail": "ValueError: no such column"})
    printed = project.up(fails=True)
    assert "ValueError: no such column" in printed
    assert "line 1" in printed
    assert not project.resources()
    assert not project.of("TrainingRun")
    project.program(RUN % {})
    project.up()
    assert len(project.of("TrainingRun")) == 1


def test_check_failures_name_the_property(project: CliProject) -> None:
    project.program('Model("iris", cloud="fake", on_destroy="remove")')
    printed = project.run("preview", fails=True)
    assert "onDestroy" in printed
    assert "delete, keep" in printed


def test_ctrl_c_in_a_create_keeps_the_id_and_the_next_up_resumes_by_update(project: CliProject) -> None:
    project.program(RUN % {"seconds": 8})
    process = project.start("up", "--yes", "--skip-preview")
    project.wait_for(lambda: project.of("TrainingRun"))
    os.kill(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode != 0, printed
    held = project.resources()["TrainingRun/job"]
    assert held["initErrors"], printed
    project.up()
    project.no_changes()
    assert project.resources()["TrainingRun/job"]["id"] == held["id"]
    assert len([line for line in project.cloud.calls() if line.startswith("create")]) == 1


def test_a_partial_failure_is_finished_by_the_next_up(project: CliProject) -> None:
    project.program('Model("iris", cloud="fake", overrides={"partial": "the registry is slow"})')
    assert "the registry is slow" in project.up(fails=True)
    held = project.resources()["Model/iris"]
    project.up()
    project.no_changes()
    assert project.resources()["Model/iris"]["id"] == held["id"]


def test_kill_9_in_a_create_is_taken_up_by_the_next_up(project: CliProject) -> None:
    project.program(RUN % {"seconds": 5})
    process = project.start("up", "--yes", "--skip-preview")
    project.wait_for(lambda: project.of("TrainingRun"))
    project.kill(process)
    (begun,) = project.of("TrainingRun")
    project.run("cancel", "--yes")
    project.up()
    assert project.resources()["TrainingRun/job"]["id"] == f"fake:{begun}"
    assert len([line for line in project.cloud.calls() if line.startswith("create")]) == 1
    assert all(record["claimed"] for record in project.of("TrainingRun").values())


def test_a_provider_killed_in_a_create_is_no_loss(project: CliProject) -> None:
    project.program(RUN % {"seconds": 4})
    process = project.start("up", "--yes", "--skip-preview")
    project.wait_for(lambda: project.of("TrainingRun"))
    (provider,) = [child for child in project.children(process) if "/plugin" in " ".join(child.cmdline())]
    provider.kill()
    printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0, printed
    (begun,) = project.of("TrainingRun")
    project.up()
    project.no_changes()
    assert project.resources()["TrainingRun/job"]["id"] == f"fake:{begun}"
    assert len([line for line in project.cloud.calls() if line.startswith("create")]) == 1


def test_an_update_that_was_rolled_back_leaves_the_state_as_it_was(project: CliProject) -> None:
    endpoint = """
    Endpoint("iris", cloud="fake", deployments=[{"name": "a", "model": "m", "digest": "sha256:" + "0" * 64}], %s)
    """
    project.program(endpoint % "")
    project.up()
    before = project.resources()
    project.program(endpoint % 'overrides={"roll_back": "12 % of the replies were 5xx"}')
    assert "12 % of the replies were 5xx" in project.up(fails=True)
    assert project.resources()["Endpoint/iris"]["inputs"] == before["Endpoint/iris"]["inputs"]
    assert not project.resources()["Endpoint/iris"].get("initErrors")
    project.program(endpoint % "")
    project.no_changes()


def test_get_reads_what_another_stack_owns_and_leaves_it_alone(project: CliProject) -> None:
    project.program('Model("iris", cloud="fake")')
    project.up()
    owned = project.resources()["Model/iris"]
    project.program(f"""
    Model("iris", cloud="fake")
    seen = Model.get("seen", "{owned["id"]}")
    pulumi.export("group", seen.group)
    """)
    project.up()
    project.no_changes()
    assert project.run("stack", "output", "group", "--stack", "dev").strip() == owned["outputs"]["group"]
    project.program('Model("iris", cloud="fake")')
    project.up()
    assert len(project.of("Model")) == 1
