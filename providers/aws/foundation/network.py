"""`network: private`: subnets without a way to the internet, and endpoints to the AWS services that jobs need.

There is no internet gateway and no NAT: what a job can reach is the stack's bucket (and the layers of ECR's images)
over the gateway endpoint of S3, and the services below over interface endpoints, all over TLS.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack

CIDR = "10.84.0.0/16"
SUBNETS = ("10.84.0.0/20", "10.84.16.0/20")
"""One in each of two zones, 4,091 addresses each."""
SERVICES = {
    "sagemaker.api": "jobs report to SageMaker",
    "sagemaker.runtime": "predictions are asked for from inside",
    "ecr.api": "images are looked up",
    "ecr.dkr": "images are pulled",
    "kms": "data is decrypted",
    "logs": "what jobs print goes to CloudWatch Logs",
    "monitoring": "metrics go to CloudWatch",
    "sts": "a role's credentials are asked for",
}
"""Services with an interface endpoint, and what for."""
HTTPS = 443


@dataclass(frozen=True)
class Network:
    """The network, and all that has to be there before a job runs in it."""

    subnet_ids: list[pulumi.Output[str]]
    security_group_id: pulumi.Output[str]
    resources: list[pulumi.Resource]


def network(stack: Stack, bucket_arn: pulumi.Input[str]) -> Network:
    """The private network of the stack."""
    vpc = aws.ec2.Vpc(
        "network", cidr_block=CIDR, enable_dns_support=True, enable_dns_hostnames=True,
        tags=stack.tags(stack.name("network")), opts=stack.options(),
    )  # fmt: skip
    table = aws.ec2.RouteTable("network", vpc_id=vpc.id, tags=stack.tags(stack.name("network")), opts=stack.options())
    subnets, associations = _subnets(stack, vpc, table)
    jobs, services, rules = _groups(stack, vpc)
    storage = aws.ec2.VpcEndpoint(
        "s3", vpc_id=vpc.id, service_name=f"com.amazonaws.{stack.region}.s3", vpc_endpoint_type="Gateway",
        route_table_ids=[table.id], tags=stack.tags(stack.name("s3")), opts=stack.options(),
        policy=pulumi.Output.from_input(bucket_arn).apply(lambda arn: json.dumps(storage_policy(stack, arn))),
    )  # fmt: skip
    out = aws.vpc.SecurityGroupEgressRule(
        "s3", security_group_id=jobs.id, description="S3 over its gateway endpoint", ip_protocol="tcp",
        from_port=HTTPS, to_port=HTTPS, prefix_list_id=storage.prefix_list_id, tags=stack.tags(), opts=stack.options(),
    )  # fmt: skip
    interfaces = [
        aws.ec2.VpcEndpoint(
            service,
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{stack.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[one.id for one in subnets],
            security_group_ids=[services.id],
            tags=stack.tags(stack.name(service)),
            opts=stack.options(),
        )
        for service in SERVICES
    ]
    ready = [vpc, table, *subnets, *associations, jobs, services, *rules, storage, out, *interfaces]
    return Network([one.id for one in subnets], jobs.id, ready)


def _subnets(
    stack: Stack, vpc: aws.ec2.Vpc, table: aws.ec2.RouteTable
) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTableAssociation]]:
    zones = aws.get_availability_zones(
        state="available",
        # Local zones and the like have no SageMaker.
        filters=[{"name": "zone-type", "values": ["availability-zone"]}],
        opts=pulumi.InvokeOptions(provider=stack.provider),
    ).names
    subnets, associations = [], []
    for number, (cidr, zone) in enumerate(zip(SUBNETS, zones, strict=False), start=1):
        name = f"private-{number}"
        subnet = aws.ec2.Subnet(
            name, vpc_id=vpc.id, cidr_block=cidr, availability_zone=zone, map_public_ip_on_launch=False,
            tags=stack.tags(stack.name(name)), opts=stack.options(),
        )  # fmt: skip
        subnets.append(subnet)
        associations.append(
            aws.ec2.RouteTableAssociation(name, route_table_id=table.id, subnet_id=subnet.id, opts=stack.options())
        )
    return subnets, associations


def _groups(
    stack: Stack, vpc: aws.ec2.Vpc
) -> tuple[aws.ec2.SecurityGroup, aws.ec2.SecurityGroup, list[pulumi.Resource]]:
    """The groups of jobs and servers, and of the endpoints of services. What no rule names is not let through."""
    jobs = aws.ec2.SecurityGroup(
        "jobs", name=stack.name("jobs", most=200), description="Jobs and servers", vpc_id=vpc.id,
        tags=stack.tags(stack.name("jobs")), opts=stack.options(),
    )  # fmt: skip
    services = aws.ec2.SecurityGroup(
        "services", name=stack.name("services", most=200), description="Endpoints of AWS services", vpc_id=vpc.id,
        tags=stack.tags(stack.name("services")), opts=stack.options(),
    )  # fmt: skip
    https = {"ip_protocol": "tcp", "from_port": HTTPS, "to_port": HTTPS, "tags": stack.tags()}
    among = {"ip_protocol": "-1", "description": "hosts of one job among themselves", "tags": stack.tags()}
    rules = [
        aws.vpc.SecurityGroupIngressRule(
            "services", security_group_id=services.id, referenced_security_group_id=jobs.id,
            description="jobs and servers ask AWS services", opts=stack.options(), **https,
        ),
        aws.vpc.SecurityGroupEgressRule(
            "services", security_group_id=jobs.id, referenced_security_group_id=services.id,
            description="AWS services over their endpoints", opts=stack.options(), **https,
        ),
        aws.vpc.SecurityGroupIngressRule(
            "jobs", security_group_id=jobs.id, referenced_security_group_id=jobs.id, opts=stack.options(), **among
        ),
        aws.vpc.SecurityGroupEgressRule(
            "jobs", security_group_id=jobs.id, referenced_security_group_id=jobs.id, opts=stack.options(), **among
        ),
    ]  # fmt: skip
    return jobs, services, rules


def storage_policy(stack: Stack, bucket_arn: str) -> dict[str, Any]:
    """What may be done in S3 from inside: all that the roles allow in the stack's bucket, and pulling images, whose
    layers ECR keeps in a bucket of AWS's. So no job can carry data into anybody else's bucket."""
    layers = f"arn:{stack.partition}:s3:::prod-{stack.region}-starport-layer-bucket/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Stack", "Effect": "Allow", "Principal": "*", "Action": "s3:*",
             "Resource": [bucket_arn, f"{bucket_arn}/*"]},
            {"Sid": "Images", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": layers},
        ],
    }  # fmt: skip
