"""EC2: private networks, their ways out (none but to AWS's own services), and who may speak to whom in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def _marked_as(kind: str, given: Properties) -> list[dict[str, Any]]:
    """Tags for the call that makes something, so that nothing is ever without them."""
    tags = given.get("tags") or {}
    return [{"ResourceType": kind, "Tags": as_list(tags)}] if tags else []


def _retag(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not old:
        return
    to_set, to_remove = tag_changes(new, old)
    if to_set:
        aws.client("ec2").create_tags(Resources=[id], Tags=as_list(to_set))
    if to_remove:
        aws.client("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in to_remove])


def _tagged(
    list_all: Callable[[Any, list[dict[str, Any]]], list[Any]], given: Properties, id: str, **same: str
) -> str | None:
    """The id of the one with the same tags and the `same` filters (an EC2 filter: its value), if there is just one."""
    tags = given.get("tags") or {}
    if not tags:
        return None
    filters: list[dict[str, Any]] = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    filters += [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in same.items()]
    found = [one for one in list_all(given, filters) if as_mapping(one.get("Tags", [])) == tags]
    return str(found[0][id]) if len(found) == 1 else None


def _create_vpc(aws: Aws, given: Properties) -> str:
    made = aws.client("ec2").create_vpc(
        CidrBlock=given["cidrBlock"], InstanceTenancy=given["instanceTenancy"],
        TagSpecifications=_marked_as("vpc", given),
    )  # fmt: skip
    return str(made["Vpc"]["VpcId"])


def _find_vpc(aws: Aws, given: Properties) -> str | None:
    """One that has no subnets yet, as a creation leaves it that ended early."""
    ec2 = aws.client("ec2")
    id = _tagged(lambda _, filters: ec2.describe_vpcs(Filters=filters)["Vpcs"], given, "VpcId", cidr=given["cidrBlock"])
    in_it = [{"Name": "vpc-id", "Values": [id]}]
    return id if id and not ec2.describe_subnets(Filters=in_it)["Subnets"] else None


def _configure_vpc(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    ec2 = aws.client("ec2")
    before = old or {"enableDnsSupport": True, "enableDnsHostnames": False}
    if changed(new, before, "enableDnsSupport"):
        ec2.modify_vpc_attribute(VpcId=id, EnableDnsSupport={"Value": new["enableDnsSupport"]})
    if changed(new, before, "enableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": new["enableDnsHostnames"]})
    _retag(aws, id, new, old)


def _read_vpc(aws: Aws, id: str) -> dict[str, Any]:
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]
    own = [{"Name": "vpc-id", "Values": [id]}]
    tables = ec2.describe_route_tables(Filters=[*own, {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    groups = ec2.describe_security_groups(Filters=[*own, {"Name": "group-name", "Values": ["default"]}])
    acls = ec2.describe_network_acls(Filters=[*own, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]

    def attribute(name: str) -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=id, Attribute=name)
        return bool(answer[f"{name[0].upper()}{name[1:]}"]["Value"])

    return without_none(
        arn=aws.arn("ec2", f"vpc/{id}"), ownerId=vpc.get("OwnerId", aws.account), cidrBlock=vpc["CidrBlock"],
        instanceTenancy=vpc["InstanceTenancy"], dhcpOptionsId=vpc.get("DhcpOptionsId"),
        enableDnsSupport=attribute("enableDnsSupport"), enableDnsHostnames=attribute("enableDnsHostnames"),
        mainRouteTableId=_first(tables, "RouteTableId"), defaultRouteTableId=_first(tables, "RouteTableId"),
        defaultSecurityGroupId=_first(groups["SecurityGroups"], "GroupId"),
        defaultNetworkAclId=_first(acls, "NetworkAclId"), tags=as_mapping(vpc.get("Tags", [])) or None,
    )  # fmt: skip


def _first(found: list[dict[str, Any]], key: str) -> Any:
    return found[0][key] if found else None


VPC = Kind(
    token="aws:ec2/vpc:Vpc", inputs=words("cidrBlock enableDnsHostnames enableDnsSupport instanceTenancy tags"),
    create=_create_vpc, configure=_configure_vpc, read=_read_vpc, find=_find_vpc,
    delete=lambda aws, id, state: aws.client("ec2").delete_vpc(VpcId=id),
    required=("cidrBlock",), replaces=words("cidrBlock instanceTenancy"),
    defaults={"enableDnsSupport": True, "enableDnsHostnames": False, "instanceTenancy": "default"},
    computed=("arn", "defaultNetworkAclId", "defaultRouteTableId", "defaultSecurityGroupId", "dhcpOptionsId",
              "mainRouteTableId", "ownerId"),
)  # fmt: skip


def _create_subnet(aws: Aws, given: Properties) -> str:
    zone = {"AvailabilityZone": given["availabilityZone"]} if given.get("availabilityZone") else {}
    made = aws.client("ec2").create_subnet(
        VpcId=given["vpcId"], CidrBlock=given["cidrBlock"], TagSpecifications=_marked_as("subnet", given), **zone
    )
    return str(made["Subnet"]["SubnetId"])


def _find_subnet(aws: Aws, given: Properties) -> str | None:
    ec2 = aws.client("ec2")
    return _tagged(
        lambda _, filters: ec2.describe_subnets(Filters=filters)["Subnets"], given, "SubnetId",
        vpc_id=given["vpcId"], cidr_block=given["cidrBlock"],
    )  # fmt: skip


def _configure_subnet(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if new["mapPublicIpOnLaunch"] != old.get("mapPublicIpOnLaunch", False):
        wanted = {"Value": new["mapPublicIpOnLaunch"]}
        aws.client("ec2").modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch=wanted)
    _retag(aws, id, new, old)


def _read_subnet(aws: Aws, id: str) -> dict[str, Any]:
    found = aws.client("ec2").describe_subnets(SubnetIds=[id])["Subnets"][0]
    return without_none(
        vpcId=found["VpcId"], cidrBlock=found["CidrBlock"], availabilityZone=found["AvailabilityZone"],
        availabilityZoneId=found.get("AvailabilityZoneId"), mapPublicIpOnLaunch=found["MapPublicIpOnLaunch"],
        arn=found.get("SubnetArn") or aws.arn("ec2", f"subnet/{id}"), ownerId=found.get("OwnerId", aws.account),
        tags=as_mapping(found.get("Tags", [])) or None,
    )  # fmt: skip


SUBNET = Kind(
    token="aws:ec2/subnet:Subnet", inputs=words("availabilityZone cidrBlock mapPublicIpOnLaunch tags vpcId"),
    create=_create_subnet, configure=_configure_subnet, read=_read_subnet, find=_find_subnet,
    delete=lambda aws, id, state: aws.client("ec2").delete_subnet(SubnetId=id),
    required=("vpcId", "cidrBlock"), replaces=words("availabilityZone cidrBlock vpcId"),
    defaults={"mapPublicIpOnLaunch": False}, computed=("arn", "availabilityZoneId", "ownerId"),
)  # fmt: skip


def _create_table(aws: Aws, given: Properties) -> str:
    tags = _marked_as("route-table", given)
    made = aws.client("ec2").create_route_table(VpcId=given["vpcId"], TagSpecifications=tags)
    return str(made["RouteTable"]["RouteTableId"])


def _find_table(aws: Aws, given: Properties) -> str | None:
    """One that no subnet uses yet, as a creation leaves it that ended early."""
    ec2 = aws.client("ec2")

    def unused(_: Any, filters: list[dict[str, Any]]) -> list[Any]:
        return [one for one in ec2.describe_route_tables(Filters=filters)["RouteTables"] if not one["Associations"]]

    return _tagged(unused, given, "RouteTableId", vpc_id=given["vpcId"])


def _read_table(aws: Aws, id: str) -> dict[str, Any]:
    found = aws.client("ec2").describe_route_tables(RouteTableIds=[id])["RouteTables"][0]
    return without_none(
        vpcId=found["VpcId"], ownerId=found.get("OwnerId", aws.account), arn=aws.arn("ec2", f"route-table/{id}"),
        tags=as_mapping(found.get("Tags", [])) or None,
    )  # fmt: skip


ROUTE_TABLE = Kind(
    token="aws:ec2/routeTable:RouteTable", inputs=words("tags vpcId"), create=_create_table, configure=_retag,
    read=_read_table, find=_find_table,
    delete=lambda aws, id, state: aws.client("ec2").delete_route_table(RouteTableId=id),
    required=("vpcId",), replaces=words("vpcId"), computed=("arn", "ownerId"),
)  # fmt: skip


def _associate(aws: Aws, given: Properties) -> str:
    made = aws.client("ec2").associate_route_table(RouteTableId=given["routeTableId"], SubnetId=given["subnetId"])
    return str(made["AssociationId"])


def _read_association(aws: Aws, id: str) -> dict[str, Any] | None:
    by_id = [{"Name": "association.route-table-association-id", "Values": [id]}]
    for table in aws.client("ec2").describe_route_tables(Filters=by_id)["RouteTables"]:
        for one in table["Associations"]:
            if one["RouteTableAssociationId"] == id:
                return {"routeTableId": table["RouteTableId"], "subnetId": one["SubnetId"]}
    return None


def _find_association(aws: Aws, given: Properties) -> str | None:
    found = aws.client("ec2").describe_route_tables(RouteTableIds=[given["routeTableId"]])["RouteTables"]
    for one in found[0]["Associations"] if found else ():
        if one.get("SubnetId") == given["subnetId"]:
            return str(one["RouteTableAssociationId"])
    return None


ROUTE_TABLE_ASSOCIATION = Kind(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation", inputs=words("routeTableId subnetId"),
    create=_associate, read=_read_association, find=_find_association,
    delete=lambda aws, id, state: aws.client("ec2").disassociate_route_table(AssociationId=id),
    required=("routeTableId", "subnetId"), replaces=words("routeTableId subnetId"),
)  # fmt: skip

KINDS = (VPC, SUBNET, ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION)
