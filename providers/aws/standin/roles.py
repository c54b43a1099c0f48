"""IAM: roles and the policies written into them."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import Aws, Kind, Properties, again, as_list, as_mapping, changed, tag_changes, words


def _create(aws: Aws, given: Properties) -> str:
    aws.client("iam").create_role(
        RoleName=given["name"],
        Path=given["path"],
        AssumeRolePolicyDocument=given["assumeRolePolicy"],
        Description=given.get("description", ""),
        MaxSessionDuration=int(given["maxSessionDuration"]),
        Tags=as_list(given.get("tags") or {}),
    )
    return str(given["name"])


def _find(aws: Aws, given: Properties) -> str | None:
    try:
        found = _read(aws, given["name"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise
    return given["name"] if given.get("tags") and found["tags"] == given["tags"] else None


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not old:
        return
    iam = aws.client("iam")
    if changed(new, old, "assumeRolePolicy"):
        iam.update_assume_role_policy(RoleName=id, PolicyDocument=new["assumeRolePolicy"])
    if changed(new, old, "description", "maxSessionDuration"):
        iam.update_role(
            RoleName=id, Description=new.get("description", ""), MaxSessionDuration=int(new["maxSessionDuration"])
        )
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        iam.tag_role(RoleName=id, Tags=as_list(to_set))
    if to_remove:
        iam.untag_role(RoleName=id, TagKeys=to_remove)


def _read(aws: Aws, id: str) -> dict[str, Any]:
    iam = aws.client("iam")
    role = iam.get_role(RoleName=id)["Role"]
    return {
        "name": role["RoleName"],
        "arn": role["Arn"],
        "path": role["Path"],
        "uniqueId": role["RoleId"],
        "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description", ""),
        "maxSessionDuration": role.get("MaxSessionDuration", 3600),
        "tags": as_mapping(iam.list_role_tags(RoleName=id)["Tags"]),
    }


def _text(document: Any) -> str:
    """A policy document, which botocore has decoded, as text again."""
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


ROLE = Kind(
    token="aws:iam/role:Role", inputs=words("assumeRolePolicy description maxSessionDuration name path tags"),
    create=_create, configure=_configure, read=_read, find=_find,
    delete=lambda aws, id, state: aws.client("iam").delete_role(RoleName=id),
    required=("assumeRolePolicy",), replaces=words("name path"), documents=words("assumeRolePolicy"), name="name",
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    computed=("arn", "createDate", "uniqueId"), regional=False,
)  # fmt: skip


def _put_policy(aws: Aws, given: Properties) -> str:
    aws.client("iam").put_role_policy(RoleName=given["role"], PolicyName=given["name"], PolicyDocument=given["policy"])
    return f"{given['role']}:{given['name']}"


def _read_policy(aws: Aws, id: str) -> dict[str, Any]:
    role, _, name = id.partition(":")
    found = aws.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "policy": _text(found["PolicyDocument"])}


def _delete_policy(aws: Aws, id: str, state: Properties) -> None:
    role, _, name = id.partition(":")
    aws.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


ROLE_POLICY = Kind(
    token="aws:iam/rolePolicy:RolePolicy", inputs=words("name policy role"), create=_put_policy, read=_read_policy,
    configure=again(_put_policy), delete=_delete_policy,
    required=("policy", "role"), replaces=words("name role"), documents=words("policy"), name="name",
    regional=False,
)  # fmt: skip

KINDS = (ROLE, ROLE_POLICY)
