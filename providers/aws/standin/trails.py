"""CloudTrail: a record of who did what."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import (
    Aws,
    Kind,
    Properties,
    as_list,
    as_mapping,
    changed,
    tag_changes,
    without_none,
    words,
)
from providers.aws.standin.naming import camel_keys, pascal_keys

_FIELDS = {
    "s3BucketName": "S3BucketName", "s3KeyPrefix": "S3KeyPrefix", "kmsKeyId": "KmsKeyId",
    "includeGlobalServiceEvents": "IncludeGlobalServiceEvents", "isMultiRegionTrail": "IsMultiRegionTrail",
}  # fmt: skip
_OPERATORS = {"equals": "equals", "notEquals": "notEquals", "startsWiths": "startsWith", "endsWiths": "endsWith",
              "notStartsWiths": "notStartsWith", "notEndsWiths": "notEndsWith"}  # fmt: skip


def _fields(given: Properties) -> dict[str, Any]:
    found = {name: given[key] for key, name in _FIELDS.items() if given.get(key) is not None}
    return {**found, "EnableLogFileValidation": given.get("enableLogFileValidation", False)}


def _create(aws: Aws, given: Properties) -> str:
    aws.client("cloudtrail").create_trail(
        Name=given["name"], TagsList=as_list(given.get("tags") or {}), **_fields(given)
    )
    return aws.arn("cloudtrail", f"trail/{given['name']}")


def _find(aws: Aws, given: Properties) -> str | None:
    found = _read(aws, aws.arn("cloudtrail", f"trail/{given['name']}"), missing_is_none=True)
    return str(found["arn"]) if found and given.get("tags") and found.get("tags") == given["tags"] else None


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    trails = aws.client("cloudtrail")
    if old and changed(new, old, *_FIELDS, "enableLogFileValidation"):
        trails.update_trail(Name=id, **_fields(new))
    if changed(new, old, "advancedEventSelectors") and new.get("advancedEventSelectors"):
        selectors = [_selector(one) for one in new["advancedEventSelectors"]]
        trails.put_event_selectors(TrailName=id, AdvancedEventSelectors=selectors)
    if new.get("enableLogging", True) != old.get("enableLogging", False):
        (trails.start_logging if new.get("enableLogging", True) else trails.stop_logging)(Name=id)
    if not old:
        return
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        trails.add_tags(ResourceId=id, TagsList=as_list(to_set))
    if to_remove:
        trails.remove_tags(ResourceId=id, TagsList=[{"Key": key} for key in to_remove])


def _selector(one: Properties) -> dict[str, Any]:
    fields = [pascal_keys({_OPERATORS.get(key, key): value for key, value in field.items()})
              for field in one["fieldSelectors"]]  # fmt: skip
    return {**({"Name": one["name"]} if one.get("name") else {}), "FieldSelectors": fields}


def _read(aws: Aws, id: str, *, missing_is_none: bool = False) -> dict[str, Any] | None:
    trails = aws.client("cloudtrail")
    try:
        trail = trails.get_trail(Name=id)["Trail"]
    except ClientError as error:
        if missing_is_none and error.response["Error"]["Code"] == "TrailNotFoundException":
            return None
        raise
    pulumis = {operator: key for key, operator in _OPERATORS.items()}
    selectors = [
        {**({"name": one["Name"]} if one.get("Name") else {}),
         "fieldSelectors": [_pulumi_field(field, pulumis) for field in one["FieldSelectors"]]}
        for one in trails.get_event_selectors(TrailName=id).get("AdvancedEventSelectors") or []
    ]  # fmt: skip
    tags = trails.list_tags(ResourceIdList=[trail["TrailARN"]])["ResourceTagList"]
    return without_none(
        name=trail["Name"], arn=trail["TrailARN"], homeRegion=trail.get("HomeRegion", aws.region),
        **{key: trail.get(name) for key, name in _FIELDS.items()},
        enableLogFileValidation=trail.get("LogFileValidationEnabled", False),
        enableLogging=trails.get_trail_status(Name=id)["IsLogging"], advancedEventSelectors=selectors or None,
        tags=as_mapping(tags[0]["TagsList"]) if tags else None,
    )  # fmt: skip


def _pulumi_field(field: Properties, names: dict[str, str]) -> dict[str, Any]:
    found = camel_keys(field)
    return {names.get(key, key): value for key, value in found.items() if value not in ([], None)}


TRAIL = Kind(
    token="aws:cloudtrail/trail:Trail",
    inputs=words(
        "advancedEventSelectors enableLogFileValidation enableLogging includeGlobalServiceEvents isMultiRegionTrail "
        "kmsKeyId name s3BucketName s3KeyPrefix tags"
    ),
    create=_create, configure=_configure, read=_read, find=_find,
    delete=lambda aws, id, state: aws.client("cloudtrail").delete_trail(Name=id.rpartition("/")[2]),
    required=("s3BucketName",), replaces=words("name"), name="name", unordered=words("advancedEventSelectors"),
    defaults={"enableLogFileValidation": False, "enableLogging": True, "includeGlobalServiceEvents": True,
              "isMultiRegionTrail": False},
    computed=("arn", "homeRegion"),
)  # fmt: skip

KINDS = (TRAIL,)
