"""EC2: security groups with their rules, and the endpoints by which a private network reaches AWS's services."""

from __future__ import annotations

from typing import Any

from providers.aws.standin.kind import Aws, Kind, Properties, as_mapping, changed, without_none, words
from providers.aws.standin.networks import _marked_as, _retag, _tagged


def _create_group(aws: Aws, given: Properties) -> str:
    ec2 = aws.client("ec2")
    made = ec2.create_security_group(
        GroupName=given["name"], Description=given["description"], VpcId=given["vpcId"],
        TagSpecifications=_marked_as("security-group", given),
    )  # fmt: skip
    return str(made["GroupId"])


def _find_group(aws: Aws, given: Properties) -> str | None:
    ec2 = aws.client("ec2")
    return _tagged(
        lambda _, filters: ec2.describe_security_groups(Filters=filters)["SecurityGroups"], given, "GroupId",
        vpc_id=given["vpcId"], group_name=given["name"],
    )  # fmt: skip


def _configure_group(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    """After a creation the rule that AWS puts there by itself, which lets everything out, is taken away, as Pulumi's
    provider does."""
    _retag(aws, id, new, old)
    if old:
        return
    ec2 = aws.client("ec2")
    group = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    given_by_aws = [one for one in group["IpPermissionsEgress"] if one["IpProtocol"] == "-1"]
    if given_by_aws:
        ec2.revoke_security_group_egress(GroupId=id, IpPermissions=given_by_aws)


def _read_group(aws: Aws, id: str) -> dict[str, Any]:
    found = aws.client("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    return without_none(
        name=found["GroupName"], description=found["Description"], vpcId=found["VpcId"],
        ownerId=found.get("OwnerId", aws.account), arn=aws.arn("ec2", f"security-group/{id}"),
        tags=as_mapping(found.get("Tags", [])) or None,
    )  # fmt: skip


GROUP = Kind(
    token="aws:ec2/securityGroup:SecurityGroup", inputs=words("description name tags vpcId"), create=_create_group,
    configure=_configure_group, read=_read_group, find=_find_group,
    delete=lambda aws, id, state: aws.client("ec2").delete_security_group(GroupId=id),
    required=("vpcId",), replaces=words("description name vpcId"), name="name",
    defaults={"description": "Managed by Pulumi"}, computed=("arn", "ownerId"),
)  # fmt: skip


def _rule_kind(direction: str) -> Kind:
    """One rule of a group, in (`Ingress`) or out (`Egress`)."""
    is_egress = direction == "Egress"
    tail = direction.lower()

    def permission(given: Properties) -> dict[str, Any]:
        wanted: dict[str, Any] = {"IpProtocol": given["ipProtocol"]}
        if given["ipProtocol"] != "-1":
            wanted |= {"FromPort": int(given["fromPort"]), "ToPort": int(given["toPort"])}
        about = {"Description": given["description"]} if given.get("description") else {}
        if given.get("cidrIpv4"):
            wanted["IpRanges"] = [{"CidrIp": given["cidrIpv4"], **about}]
        if given.get("prefixListId"):
            wanted["PrefixListIds"] = [{"PrefixListId": given["prefixListId"], **about}]
        if given.get("referencedSecurityGroupId"):
            wanted["UserIdGroupPairs"] = [{"GroupId": given["referencedSecurityGroupId"], **about}]
        return wanted

    def create(aws: Aws, given: Properties) -> str:
        ec2 = aws.client("ec2")
        made = getattr(ec2, f"authorize_security_group_{tail}")(
            GroupId=given["securityGroupId"], IpPermissions=[permission(given)],
            TagSpecifications=_marked_as("security-group-rule", given),
        )  # fmt: skip
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def find(aws: Aws, given: Properties) -> str | None:
        of_group = [{"Name": "group-id", "Values": [given["securityGroupId"]]}]
        fields = words("ipProtocol fromPort toPort cidrIpv4 prefixListId referencedSecurityGroupId")
        for one in aws.client("ec2").describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]:
            state = _rule(aws, one)
            is_same = all(state.get(key) == given.get(key) for key in fields)
            if one["IsEgress"] == is_egress and is_same and state.get("tags") == given.get("tags"):
                return str(one["SecurityGroupRuleId"])
        return None

    def read(aws: Aws, id: str) -> dict[str, Any] | None:
        found = aws.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"]
        return _rule(aws, found[0]) if found else None

    def delete(aws: Aws, id: str, state: Properties) -> None:
        revoke = getattr(aws.client("ec2"), f"revoke_security_group_{tail}")
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[id])

    fields = "cidrIpv4 description fromPort ipProtocol prefixListId referencedSecurityGroupId securityGroupId toPort"
    name = f"SecurityGroup{direction}Rule"
    return Kind(
        token=f"aws:vpc/s{name[1:]}:{name}", inputs=words(f"{fields} tags"), create=create, configure=_retag,
        read=read, delete=delete, find=find, required=("ipProtocol", "securityGroupId"), replaces=words(fields),
        computed=("arn", "securityGroupRuleId"), kept=words("description"),
    )  # fmt: skip


def _rule(aws: Aws, found: dict[str, Any]) -> dict[str, Any]:
    id, all_traffic = found["SecurityGroupRuleId"], found["IpProtocol"] == "-1"
    return without_none(
        securityGroupId=found["GroupId"], securityGroupRuleId=id, ipProtocol=found["IpProtocol"],
        fromPort=None if all_traffic else found.get("FromPort"), toPort=None if all_traffic else found.get("ToPort"),
        cidrIpv4=found.get("CidrIpv4"), prefixListId=found.get("PrefixListId"),
        referencedSecurityGroupId=found.get("ReferencedGroupInfo", {}).get("GroupId"),
        description=found.get("Description") or None, arn=aws.arn("ec2", f"security-group-rule/{id}"),
        tags=as_mapping(found.get("Tags", [])) or None,
    )  # fmt: skip


_LISTS = {"subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds", "routeTableIds": "RouteTableIds"}


def _create_endpoint(aws: Aws, given: Properties) -> str:
    more = {name: given[key] for key, name in _LISTS.items() if given.get(key)}
    if given.get("policy"):
        more["PolicyDocument"] = given["policy"]
    if given["vpcEndpointType"] == "Interface":
        more["PrivateDnsEnabled"] = given.get("privateDnsEnabled", False)
    made = aws.client("ec2").create_vpc_endpoint(
        VpcId=given["vpcId"], ServiceName=given["serviceName"], VpcEndpointType=given["vpcEndpointType"],
        TagSpecifications=_marked_as("vpc-endpoint", given), **more,
    )  # fmt: skip
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def _find_endpoint(aws: Aws, given: Properties) -> str | None:
    ec2 = aws.client("ec2")
    return _tagged(
        lambda _, filters: ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"], given, "VpcEndpointId",
        vpc_id=given["vpcId"], service_name=given["serviceName"],
    )  # fmt: skip


def _configure_endpoint(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    _retag(aws, id, new, old)
    if not old or not changed(new, old, *_LISTS, "policy", "privateDnsEnabled"):
        return
    more: dict[str, Any] = {}
    for key, name in (("subnetIds", "Subnet"), ("securityGroupIds", "SecurityGroup"), ("routeTableIds", "RouteTable")):
        wanted, had = set(new.get(key) or []), set(old.get(key) or [])
        more |= {f"Add{name}Ids": sorted(wanted - had)} if wanted - had else {}
        more |= {f"Remove{name}Ids": sorted(had - wanted)} if had - wanted else {}
    if changed(new, old, "policy"):
        more |= {"PolicyDocument": new["policy"]} if new.get("policy") else {"ResetPolicy": True}
    if changed(new, old, "privateDnsEnabled"):
        more["PrivateDnsEnabled"] = new.get("privateDnsEnabled", False)
    aws.client("ec2").modify_vpc_endpoint(VpcEndpointId=id, **more)


def _read_endpoint(aws: Aws, id: str) -> dict[str, Any] | None:
    ec2 = aws.client("ec2")
    found = ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"]
    if not found or str(found[0].get("State", "")).lower() in ("deleting", "deleted"):
        return None
    one = found[0]
    is_gateway = one["VpcEndpointType"] == "Gateway"
    return without_none(
        vpcId=one["VpcId"], serviceName=one["ServiceName"], vpcEndpointType=one["VpcEndpointType"],
        arn=aws.arn("ec2", f"vpc-endpoint/{id}"), ownerId=one.get("OwnerId", aws.account), state=one.get("State"),
        privateDnsEnabled=bool(one.get("PrivateDnsEnabled", False)), policy=one.get("PolicyDocument"),
        subnetIds=sorted(one.get("SubnetIds", [])), routeTableIds=sorted(one.get("RouteTableIds", [])),
        securityGroupIds=sorted(group["GroupId"] for group in one.get("Groups", [])),
        networkInterfaceIds=sorted(one.get("NetworkInterfaceIds", [])),
        requesterManaged=bool(one.get("RequesterManaged", False)),
        prefixListId=_prefix_list(ec2, one["ServiceName"]) if is_gateway else None,
        tags=as_mapping(one.get("Tags", [])) or None,
    )  # fmt: skip


def _prefix_list(ec2: Any, service: str) -> str | None:
    """The list of the service's addresses, which a rule of a security group may name."""
    by_name = [{"Name": "prefix-list-name", "Values": [service]}]
    found = ec2.describe_managed_prefix_lists(Filters=by_name)["PrefixLists"]
    return str(found[0]["PrefixListId"]) if found else None


ENDPOINT = Kind(
    token="aws:ec2/vpcEndpoint:VpcEndpoint",
    inputs=words(
        "policy privateDnsEnabled routeTableIds securityGroupIds serviceName subnetIds tags vpcEndpointType vpcId"
    ),
    create=_create_endpoint, configure=_configure_endpoint, read=_read_endpoint, find=_find_endpoint,
    delete=lambda aws, id, state: aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[id]),
    required=("serviceName", "vpcId"), replaces=words("serviceName vpcEndpointType vpcId"),
    documents=words("policy"), unordered=words("routeTableIds securityGroupIds subnetIds"),
    defaults={"vpcEndpointType": "Gateway"},
    computed=("arn", "networkInterfaceIds", "ownerId", "prefixListId", "requesterManaged", "state"),
)  # fmt: skip

KINDS = (GROUP, _rule_kind("Ingress"), _rule_kind("Egress"), ENDPOINT)
