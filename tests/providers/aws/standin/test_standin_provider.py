"""The stand-in as a provider: configuration, previews, secrets, names, and what it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from running_emulator import RunningEmulator
from standin_kit import PROVIDER_URN, Engine

from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_types import InitFailed
from infra.engine.providers.rpc import RpcFailure
from infra.engine.values.values import UNKNOWN, Secret
from providers.aws.standin.servicer import AwsStandin

BUCKET = "aws:s3/bucket:Bucket"
ROLE = "aws:iam/role:Role"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def config(url: str) -> dict[str, str]:
    return {"region": "eu-west-1", "endpoints": json.dumps([{"s3": url}])}


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("aws:lambda/function:Function", "no resource type 'aws:lambda/function:Function'"),
        ("aws:s3/buket:Buket", "did you mean 'aws:s3/bucket:Bucket'"),
    ],
)
def test_a_type_that_is_not_served_is_named_with_where_the_list_is(engine: Engine, token: str, said: str) -> None:
    with pytest.raises(RpcFailure) as refused:
        engine.check(token, {})
    assert said in str(refused.value)
    assert "providers/aws/standin/catalogue.py" in str(refused.value)


def test_a_function_that_is_not_served_is_named(engine: Engine) -> None:
    with pytest.raises(RpcFailure, match="no function 'aws:ec2/getAmi:getAmi'"):
        engine.provider.invoke("aws:ec2/getAmi:getAmi", {}, preview=False)


def test_the_caller_and_the_zones_are_told(engine: Engine) -> None:
    caller = engine.provider.invoke("aws:index/getCallerIdentity:getCallerIdentity", {}, preview=True).inputs
    assert caller["accountId"] == "123456789012"
    zones = engine.provider.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"}, preview=True
    ).inputs
    assert zones["names"][:2] == ["eu-west-1a", "eu-west-1b"]


def test_unknown_missing_and_misspelt_properties_are_refused_before_anything_is_made(engine: Engine) -> None:
    failures = dict(engine.check("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "b", "polcy": "{}"}).failures)
    assert "did you mean 'policy'" in failures["polcy"]
    assert "needs it" in failures["policy"]


def test_a_resource_without_a_name_gets_one_that_it_keeps(engine: Engine) -> None:
    given = engine.check(BUCKET, {}).inputs
    assert given["bucket"].startswith("it-")
    assert engine.check(BUCKET, {}, given).inputs["bucket"] == given["bucket"]


def test_a_preview_knows_inputs_and_nothing_computed(engine: Engine) -> None:
    planned = engine.provider.create(engine.target(BUCKET), {"bucket": "b", "tags": {"a": UNKNOWN}}, preview=True)
    assert not planned.id
    assert planned.outputs["arn"] is UNKNOWN
    assert planned.outputs["bucket"] == "b"
    assert planned.outputs["tagsAll"] == {"a": UNKNOWN}


def test_a_changed_name_replaces_and_a_kept_one_is_deleted_first(engine: Engine, unique: Callable[[str], str]) -> None:
    name = unique("role")
    made = engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})
    moved = engine.diff(ROLE, made, {"name": name, "assumeRolePolicy": TRUST, "path": "/x/"})
    assert tuple(moved.replace_keys) == ("path",)
    assert moved.delete_before_replace
    renamed = engine.diff(ROLE, made, {"name": f"{name}x", "assumeRolePolicy": TRUST})
    assert tuple(renamed.replace_keys) == ("name",)
    assert not renamed.delete_before_replace


def test_a_policy_that_says_the_same_in_other_words_is_no_change(engine: Engine, unique: Callable[[str], str]) -> None:
    name = unique("role")
    made = engine.create(ROLE, {"name": name, "assumeRolePolicy": TRUST})
    spaced = json.dumps(json.loads(TRUST), indent=2)
    assert engine.diff(ROLE, made, {"name": name, "assumeRolePolicy": spaced}).changes == "none"


def test_secrets_stay_secret(engine: Engine, unique: Callable[[str], str]) -> None:
    given = {"bucket": unique("secret"), "tags": Secret({"owner": "s3cret"})}
    made = engine.create(BUCKET, given)
    assert made.outputs["tags"] == Secret({"owner": "s3cret"})
    assert made.outputs["tagsAll"] == Secret({"owner": "s3cret"})
    assert made.outputs["bucket"] == given["bucket"]
    refreshed = engine.read(BUCKET, made)
    assert refreshed is not None
    assert refreshed.inputs == made.inputs


def test_a_name_that_somebody_else_has_is_refused(
    engine: Engine, emulator: RunningEmulator, unique: Callable[[str], str]
) -> None:
    name = unique("taken")
    client = emulator.client("s3")
    client.create_bucket(Bucket=name)
    client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "owner", "Value": "somebody"}]})
    with pytest.raises(RpcFailure) as refused:
        engine.create(BUCKET, {"bucket": name, "tags": {"owner": "me"}})
    assert "BucketAlreadyOwnedByYou" in str(refused.value)
    assert "Bucket it" in str(refused.value)
    assert client.get_bucket_tagging(Bucket=name)["TagSet"][0]["Value"] == "somebody"
    client.delete_bucket(Bucket=name)


def test_a_creation_that_fails_half_way_is_recorded_as_begun(engine: Engine, unique: Callable[[str], str]) -> None:
    given = {"bucket": unique("half"), "tags": {"aws:reserved": "x"}}
    with pytest.raises(InitFailed) as failed:
        engine.create(BUCKET, given)
    assert failed.value.live.id == given["bucket"]
    engine.provider.delete(engine.target(BUCKET, id=given["bucket"]), given, failed.value.live.outputs)


def test_a_versioned_bucket_is_emptied_only_where_that_is_asked_for(
    engine: Engine, emulator: RunningEmulator, unique: Callable[[str], str]
) -> None:
    s3 = emulator.client("s3", "eu-west-1")
    kept = engine.create(BUCKET, {"bucket": unique("kept")})
    s3.put_bucket_versioning(Bucket=kept.id, VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket=kept.id, Key="a", Body=text)
    s3.delete_object(Bucket=kept.id, Key="a")
    with pytest.raises(RpcFailure, match="BucketNotEmpty"):
        engine.delete(BUCKET, kept)
    forced = engine.update(BUCKET, kept, {"bucket": kept.id, "forceDestroy": True})
    engine.delete(BUCKET, forced)
    assert engine.read(BUCKET, forced) is None


def test_what_is_gone_is_told_as_gone(engine: Engine, emulator: RunningEmulator, unique: Callable[[str], str]) -> None:
    made = engine.create(ROLE, {"name": unique("gone"), "assumeRolePolicy": TRUST})
    emulator.client("iam").delete_role(RoleName=made.id)
    assert engine.read(ROLE, made) is None


def test_what_was_changed_behind_its_back_is_found(
    engine: Engine, emulator: RunningEmulator, unique: Callable[[str], str]
) -> None:
    made = engine.create(ROLE, {"name": unique("drift"), "assumeRolePolicy": TRUST, "description": "mine"})
    emulator.client("iam").update_role(RoleName=made.id, Description="theirs")
    found = engine.read(ROLE, made)
    assert found is not None
    assert found.inputs is not None
    assert found.inputs["description"] == "theirs"


def test_it_speaks_to_this_machine_only() -> None:
    provider = Provider(AwsStandin(), "aws")
    failures = dict(provider.check_config(PROVIDER_URN, {}, config("https://s3.eu-west-1.amazonaws.com")).failures)
    assert "is not on this machine" in failures["endpoints"]
    failures = dict(provider.check_config(PROVIDER_URN, {}, {"region": "eu-west-1", "profile": "prod"}).failures)
    assert "missing" in failures["endpoints"]
    assert "profile" in failures
    with pytest.raises(RpcFailure, match="is not on this machine"):
        provider.configure(PROVIDER_URN, "id", config("http://192.0.2.7:80"))


def test_the_emulator_s_address_now_comes_before_the_state_s(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, unique: Callable[[str], str]
) -> None:
    monkeypatch.setenv("MOORING_AWS_ENDPOINT", emulator.url)
    provider = Provider(AwsStandin(), "aws")
    provider.handshake()
    old, new = config("http://127.0.0.1:1"), config(emulator.url)
    assert provider.diff_config(PROVIDER_URN, old, old, new).changes == "none"
    provider.configure(PROVIDER_URN, "id", old)
    target = Engine(emulator.url).target(BUCKET)
    made = provider.create(target, {"bucket": unique("moved"), "forceDestroy": False}, preview=False)
    provider.delete(Engine(emulator.url).target(BUCKET, id=made.id), {}, made.outputs)


def test_another_region_replaces_the_provider(emulator: RunningEmulator) -> None:
    provider = Provider(AwsStandin(), "aws")
    old = config(emulator.url)
    found = provider.diff_config(PROVIDER_URN, old, old, {**old, "region": "us-east-1"})
    assert tuple(found.replace_keys) == ("region",)


def test_an_emulator_that_is_not_there_is_said_so(engine: Engine) -> None:
    gone = Engine("http://127.0.0.1:9")
    with pytest.raises(RpcFailure, match="the emulator of AWS does not answer"):
        gone.create(ROLE, {"name": "r", "assumeRolePolicy": TRUST})


def test_credentials_of_the_environment_are_never_used(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, unique: Callable[[str], str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "production-that-does-not-exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.7")
    made = Engine(emulator.url)
    made.create(BUCKET, {"bucket": unique("ambient")})
    made.clean()
