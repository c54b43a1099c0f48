"""KMS: keys, which wait before they are deleted, and their names."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import Aws, Kind, Properties, as_list, as_mapping, changed, tag_changes, words


def _create(aws: Aws, given: Properties) -> str:
    kms = aws.client("kms")
    more = {"Policy": given["policy"]} if given.get("policy") else {}
    made = kms.create_key(
        Description=given.get("description", ""),
        KeyUsage=given["keyUsage"],
        KeySpec=given["customerMasterKeySpec"],
        Tags=as_list(given.get("tags") or {}, "TagKey", "TagValue"),
        **more,
    )
    return str(made["KeyMetadata"]["KeyId"])


def _find(aws: Aws, given: Properties) -> str | None:
    """A key with the same tags and description that no alias leads to, as a creation leaves it that ended early."""
    kms = aws.client("kms")
    tags, description = given.get("tags") or {}, given.get("description", "")
    if not tags:
        return None
    named = {alias.get("TargetKeyId") for page in kms.get_paginator("list_aliases").paginate()
             for alias in page["Aliases"]}  # fmt: skip
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            if key["KeyId"] in named:
                continue
            about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            is_ours = about["KeyState"] == "Enabled" and about["Description"] == description
            if is_ours and _tags(kms, key["KeyId"]) == tags:
                return str(key["KeyId"])
    return None


def _tags(kms: Any, id: str) -> dict[str, str]:
    return as_mapping(kms.list_resource_tags(KeyId=id)["Tags"], "TagKey", "TagValue")


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    kms = aws.client("kms")
    if new.get("enableKeyRotation", False) != old.get("enableKeyRotation", False):
        (kms.enable_key_rotation if new.get("enableKeyRotation") else kms.disable_key_rotation)(KeyId=id)
    if not old:
        return
    if changed(new, old, "description"):
        kms.update_key_description(KeyId=id, Description=new.get("description", ""))
    if changed(new, old, "policy") and new.get("policy"):
        kms.put_key_policy(KeyId=id, PolicyName="default", Policy=new["policy"])
    if changed(new, old, "isEnabled"):
        (kms.enable_key if new.get("isEnabled", True) else kms.disable_key)(KeyId=id)
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        kms.tag_resource(KeyId=id, Tags=as_list(to_set, "TagKey", "TagValue"))
    if to_remove:
        kms.untag_resource(KeyId=id, TagKeys=to_remove)


def _read(aws: Aws, id: str) -> dict[str, Any] | None:
    kms = aws.client("kms")
    about = kms.describe_key(KeyId=id)["KeyMetadata"]
    if about["KeyState"] == "PendingDeletion":
        return None
    return {
        "arn": about["Arn"],
        "keyId": about["KeyId"],
        "description": about["Description"],
        "keyUsage": about["KeyUsage"],
        "customerMasterKeySpec": about.get("KeySpec", "SYMMETRIC_DEFAULT"),
        "isEnabled": about["Enabled"],
        "multiRegion": about.get("MultiRegion", False),
        "enableKeyRotation": kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"],
        "policy": kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"],
        "tags": _tags(kms, id),
    }


def _delete(aws: Aws, id: str, state: Properties) -> None:
    days = state.get("deletionWindowInDays") or 30
    try:
        aws.client("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=int(days))
    except ClientError as error:
        if error.response["Error"]["Code"] != "KMSInvalidStateException" or _read(aws, id) is not None:
            raise  # it waits for its end already


KEY = Kind(
    token="aws:kms/key:Key",
    inputs=words(
        "customerMasterKeySpec deletionWindowInDays description enableKeyRotation isEnabled keyUsage policy tags"
    ),
    create=_create, configure=_configure, read=_read, delete=_delete, find=_find,
    replaces=words("customerMasterKeySpec keyUsage"), kept=words("deletionWindowInDays"), documents=words("policy"),
    defaults={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": True,
              "enableKeyRotation": False},
    computed=("arn", "keyId", "multiRegion", "policy"),
)  # fmt: skip


def _create_alias(aws: Aws, given: Properties) -> str:
    aws.client("kms").create_alias(AliasName=given["name"], TargetKeyId=_key_id(given["targetKeyId"]))
    return str(given["name"])


def _find_alias(aws: Aws, given: Properties) -> str | None:
    found = _alias(aws, given["name"])
    return given["name"] if found and found["targetKeyId"] == _key_id(given["targetKeyId"]) else None


def _alias(aws: Aws, id: str) -> dict[str, Any] | None:
    for page in aws.client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == id and "TargetKeyId" in alias:
                key = alias["TargetKeyId"]
                target = aws.arn("kms", f"key/{key}")
                return {"name": id, "arn": alias["AliasArn"], "targetKeyId": key, "targetKeyArn": target}
    return None


def _move_alias(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if old and changed(new, old, "targetKeyId"):
        aws.client("kms").update_alias(AliasName=id, TargetKeyId=_key_id(new["targetKeyId"]))


def _key_id(id_or_arn: str) -> str:
    return id_or_arn.rpartition("/")[2]


ALIAS = Kind(
    token="aws:kms/alias:Alias", inputs=words("name targetKeyId"), create=_create_alias, configure=_move_alias,
    read=_alias, delete=lambda aws, id, state: aws.client("kms").delete_alias(AliasName=id), find=_find_alias,
    required=("name", "targetKeyId"), replaces=words("name"), computed=("arn", "targetKeyArn"),
)  # fmt: skip

KINDS = (KEY, ALIAS)
