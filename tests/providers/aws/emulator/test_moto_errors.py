"""What is not emulated, and what breaks, answers in the form of the service's protocol."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Calls = tuple[str, Callable[[Any], object]]


def error_of(call: Callable[[], object]) -> tuple[str, str, int]:
    """Code, message and status that boto3 raises with."""
    with pytest.raises(ClientError) as caught:
        call()
    answer: Any = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        ("kms", "DescribeCustomKeyStores", lambda kms: kms.describe_custom_key_stores()),
        ("iam", "ListServiceSpecificCredentials", lambda iam: iam.list_service_specific_credentials()),
        ("ec2", "DescribeSpotDatafeedSubscription", lambda ec2: ec2.describe_spot_datafeed_subscription()),
        ("cloudwatch", "DescribeAnomalyDetectors", lambda cloudwatch: cloudwatch.describe_anomaly_detectors()),
        ("codebuild", "ListCuratedEnvironmentImages", lambda codebuild: codebuild.list_curated_environment_images()),
        ("s3", "ListBucketAnalyticsConfigurations", lambda s3: s3.list_bucket_analytics_configurations(Bucket="abc")),
        ("s3", "DeleteBucketInventoryConfiguration",
         lambda s3: s3.delete_bucket_inventory_configuration(Bucket="abc", Id="i")),
        ("s3", "GetObjectTorrent", lambda s3: s3.get_object_torrent(Bucket="abc", Key="k")),
    ],
)  # fmt: skip
def test_an_operation_that_moto_lacks_is_named_as_not_emulated(
    emulator: RunningEmulator, service: str, operation: str, call: Callable[[Any], object]
) -> None:
    code, message, status = error_of(lambda: call(emulator.client(service)))
    assert (code, status) == ("NotImplementedException", 501)
    assert message.startswith(operation)
    assert "not emulated by Mooring" in message


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("sqs", lambda sqs: sqs.list_queues()),  # json 1.0
        ("dynamodb", lambda dynamodb: dynamodb.list_tables()),  # json 1.0
        ("secretsmanager", lambda secrets: secrets.list_secrets()),  # json 1.1
        ("cloudformation", lambda cloudformation: cloudformation.list_stacks()),  # query
        ("lambda", lambda functions: functions.list_functions()),  # rest-json
        ("route53", lambda route53: route53.list_hosted_zones()),  # rest-xml
        ("resourcegroupstaggingapi", lambda tagging: tagging.get_resources()),
    ],
)
def test_a_service_that_is_not_offered_is_refused(
    emulator: RunningEmulator, service: str, call: Callable[[Any], object]
) -> None:
    code, message, status = error_of(lambda: call(emulator.client(service)))
    assert (code, status) == ("NotImplementedException", 501)
    assert "is not emulated by Mooring" in message


def test_a_client_that_speaks_cbor_understands_the_error(emulator: RunningEmulator) -> None:
    from botocore.parsers import create_parser
    from botocore.session import get_session

    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/monitoring/aws4_request, Signature=0",
               "smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}  # fmt: skip
    url = f"{emulator.url}/service/GraniteServiceVersion20100801/operation/DescribeAnomalyDetectors"
    request = urllib.request.Request(url, data=b"\xa0", headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    answer = {"status_code": caught.value.code, "headers": caught.value.headers, "body": caught.value.read()}
    shape = get_session().get_service_model("cloudwatch").operation_model("DescribeAnomalyDetectors").output_shape
    parsed = create_parser("smithy-rpc-v2-cbor").parse(answer, shape)
    assert parsed["Error"]["Code"] == "NotImplementedException"
    assert parsed["Error"]["Message"].startswith("DescribeAnomalyDetectors")


def test_a_failure_inside_is_an_internal_failure_in_the_services_form(emulator: RunningEmulator) -> None:
    scope = "a/20260101/us-east-1/logs/aws4_request"
    kind, target = "application/x-amz-json-1.1", "Logs_20140328.CreateLogGroup"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0",
               "X-Amz-Target": target, "Content-Type": kind}  # fmt: skip
    request = urllib.request.Request(emulator.url, data=b'{"logGroupName": 3}', headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    answer = json.loads(caught.value.read())
    assert (caught.value.code, answer["__type"]) == (500, "InternalFailure")
    assert answer["message"].startswith("CreateLogGroup: ")


def test_motos_own_interface_is_not_open(emulator: RunningEmulator) -> None:
    request = urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST", data=b"")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)


def test_a_refused_deletion_of_a_subresource_leaves_the_bucket(
    emulator: RunningEmulator, unique: Callable[[str], str]
) -> None:
    s3, name = emulator.client("s3"), unique("kept")
    s3.create_bucket(Bucket=name)
    error_of(lambda: s3.delete_bucket_analytics_configuration(Bucket=name, Id="i"))
    s3.head_bucket(Bucket=name)
