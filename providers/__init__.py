"""The adapter layer: one contract, one folder a cloud, one Pulumi provider in front of them."""
