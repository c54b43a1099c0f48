"""Names fit AWS's limits, and tags tell whose a thing is whatever its URN holds."""

from __future__ import annotations

import re

import pytest

from providers.aws import naming, tagging
from providers.contract import Ownership
from providers.errors import NotFound

URN = "urn:pulumi:dev::shop::mooring:infra:Training$moor:index:TrainingRun::iris"


@pytest.mark.parametrize("name", ["iris", "a" * 80, "--", "Größe_1"])
@pytest.mark.parametrize("longest", [naming.LONGEST, naming.LONGEST_TUNING])
def test_names_fit_and_are_told_apart(name: str, longest: int) -> None:
    owner = Ownership("shop", "dev", URN, "")
    names = [naming.new_name(name, longest), naming.stable_name(name, owner, longest)]
    assert all(re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", one) and len(one) <= longest for one in names)
    assert naming.new_name(name) != naming.new_name(name)
    assert naming.stable_name(name, owner) == naming.stable_name(name, Ownership("shop", "dev", URN, "other inputs"))
    assert naming.stable_name(name, owner) != naming.stable_name(name, Ownership("shop", "prod", URN, ""))


def test_ids_carry_their_region() -> None:
    assert naming.split(naming.id_of("us-gov-west-1", "iris-1a")) == ("us-gov-west-1", "iris-1a")
    for wrong in ("iris", "/iris", "eu-central-1/", "../x", "local/iris"):
        with pytest.raises(NotFound, match="is not an id on AWS"):
            naming.split(wrong)


@pytest.mark.parametrize("urn", [URN, URN.replace("iris", "ü@$" * 200)])
def test_an_owner_comes_back_from_tags_that_aws_takes(urn: str) -> None:
    owner = Ownership("shop", "dev", urn, "0" * 64)
    tags = tagging.tags_of(owner, {"team": "ml", "mooring:stack": "mine"})
    assert all(len(tag["Value"]) <= 256 and re.fullmatch(r"[\w\s.:/=+\-@]*", tag["Value"]) for tag in tags)
    assert tagging.owner_of(tags) == owner
    assert {"Key": "team", "Value": "ml"} in tags
    assert tagging.owner_of([{"Key": "team", "Value": "ml"}]) is None


def test_a_stack_owns_what_its_urns_own() -> None:
    owner = Ownership("shop", "dev", URN, "1")
    assert tagging.is_owned_by(owner, Ownership("shop", "dev", "", ""))
    assert tagging.is_owned_by(owner, Ownership("shop", "dev", URN, "2"))
    assert not tagging.is_owned_by(owner, Ownership("shop", "prod", "", ""))
    assert not tagging.is_owned_by(owner, Ownership("shop", "dev", URN + "-2", ""))
