"""ECR: repositories of images, and which images are kept."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import (
    Aws,
    Kind,
    Properties,
    again,
    as_list,
    as_mapping,
    changed,
    tag_changes,
    without_none,
    words,
)
from providers.aws.standin.naming import camel_keys


def _create(aws: Aws, given: Properties) -> str:
    encryption = [
        {"encryptionType": one.get("encryptionType", "AES256"), **without_none(kmsKey=one.get("kmsKey"))}
        for one in given.get("encryptionConfigurations") or []
    ]
    aws.client("ecr").create_repository(
        repositoryName=given["name"],
        imageTagMutability=given["imageTagMutability"],
        imageScanningConfiguration=given.get("imageScanningConfiguration") or {"scanOnPush": False},
        tags=as_list(given.get("tags") or {}),
        **({"encryptionConfiguration": encryption[0]} if encryption else {}),
    )
    return str(given["name"])


def _find(aws: Aws, given: Properties) -> str | None:
    try:
        found = _read(aws, given["name"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return None
        raise
    return given["name"] if given.get("tags") and found["tags"] == given["tags"] else None


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not old:
        return
    ecr = aws.client("ecr")
    if changed(new, old, "imageTagMutability"):
        ecr.put_image_tag_mutability(repositoryName=id, imageTagMutability=new["imageTagMutability"])
    if changed(new, old, "imageScanningConfiguration"):
        scanning = new.get("imageScanningConfiguration") or {"scanOnPush": False}
        ecr.put_image_scanning_configuration(repositoryName=id, imageScanningConfiguration=scanning)
    arn = aws.arn("ecr", f"repository/{id}")
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        ecr.tag_resource(resourceArn=arn, tags=as_list(to_set))
    if to_remove:
        ecr.untag_resource(resourceArn=arn, tagKeys=to_remove)


def _read(aws: Aws, id: str) -> dict[str, Any]:
    ecr = aws.client("ecr")
    found = ecr.describe_repositories(repositoryNames=[id])["repositories"][0]
    encryption = found.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    return {
        "name": id,
        "arn": found["repositoryArn"],
        "registryId": found["registryId"],
        "repositoryUrl": found["repositoryUri"],
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfiguration": camel_keys(found.get("imageScanningConfiguration") or {"scanOnPush": False}),
        "encryptionConfigurations": [camel_keys(encryption)],
        "tags": as_mapping(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]),
    }


REPOSITORY = Kind(
    token="aws:ecr/repository:Repository",
    inputs=words("encryptionConfigurations forceDelete imageScanningConfiguration imageTagMutability name tags"),
    create=_create, configure=_configure, read=_read, find=_find,
    delete=lambda aws, id, state: aws.client("ecr").delete_repository(
        repositoryName=id, force=bool(state.get("forceDelete"))
    ),
    replaces=words("encryptionConfigurations name"), kept=words("forceDelete"), name="name",
    defaults={"imageTagMutability": "MUTABLE"}, computed=("arn", "registryId", "repositoryUrl"),
)  # fmt: skip


def _put_lifecycle(aws: Aws, given: Properties) -> str:
    aws.client("ecr").put_lifecycle_policy(repositoryName=given["repository"], lifecyclePolicyText=given["policy"])
    return str(given["repository"])


def _read_lifecycle(aws: Aws, id: str) -> dict[str, Any]:
    found = aws.client("ecr").get_lifecycle_policy(repositoryName=id)
    return {"repository": id, "registryId": found["registryId"], "policy": found["lifecyclePolicyText"]}


LIFECYCLE = Kind(
    token="aws:ecr/lifecyclePolicy:LifecyclePolicy", inputs=words("policy repository"), create=_put_lifecycle,
    read=_read_lifecycle, configure=again(_put_lifecycle),
    delete=lambda aws, id, state: aws.client("ecr").delete_lifecycle_policy(repositoryName=id),
    required=("policy", "repository"), replaces=words("repository"), documents=words("policy"),
    computed=("registryId",),
)  # fmt: skip

KINDS = (REPOSITORY, LIFECYCLE)
