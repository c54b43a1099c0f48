"""The foundation as one Pulumi component."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from providers.aws.foundation import account, alarms, audit, budget, keys, logs, network, registry, roles, storage
from providers.aws.foundation.stack import Stack
from providers.foundation import Foundation, PrivateNetwork, Wanted


class AwsFoundation(pulumi.ComponentResource):
    """Everything that a stack needs on AWS before there is a dataset. `given` is what its resources get of it."""

    given: Foundation

    def __init__(self, name: str, wanted: Wanted, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mooring:aws:Foundation", name, None, opts)
        provider = account.provider(wanted, self)
        stack = Stack(wanted, account.account_of(provider, wanted), provider, self)
        key, alias = keys.key(stack)
        store = storage.storage(stack, "bucket", key.arn, stays=wanted.keeps)
        images, image_rules = registry.registry(stack, key.arn)
        topic, publishers = alarms.topic(stack, key.arn)
        private = network.network(stack, store.bucket.arn) if wanted.private else None
        arns = (store.bucket.arn, key.arn, images.arn, topic.arn, private)
        training, may_train = roles.role(stack, "training", *arns)
        serving, may_serve = roles.role(stack, "serving", *arns)
        groups = logs.log_groups(stack, key.arn)
        if wanted.budget is not None:
            budget.budget(stack, wanted.budget, topic.arn)
        if wanted.audit:
            audit.trail(stack, store.bucket.arn, key.arn)
        watched = {one.name: one for one in wanted.endpoints}

        def watch(endpoint: str, physical_name: pulumi.Input[str], parent: pulumi.Resource) -> None:
            alarms.alarms(replace(stack, parent=parent), watched[endpoint], physical_name, topic.arn)

        outputs = {
            "bucket": store.bucket.bucket,
            "key": key.arn,
            "trainingRole": training.arn,
            "servingRole": serving.arn,
            "registry": images.repository_url,
            "alarms": topic.arn,
        }
        self.given = Foundation(
            container=store.bucket.bucket,
            training=training.arn,
            serving=serving.arn,
            ready=[
                alias, *store.resources, training, may_train, serving, may_serve, images, image_rules, topic,
                publishers, *groups, *(private.resources if private else ()),
            ],
            watch=watch,
            network=_given_network(private),
            outputs=outputs,
        )  # fmt: skip
        self.register_outputs(dict(outputs))


def _given_network(private: network.Network | None) -> PrivateNetwork | None:
    if private is None:
        return None
    return PrivateNetwork(pulumi.Output.all(*private.subnet_ids), pulumi.Output.all(private.security_group_id))
