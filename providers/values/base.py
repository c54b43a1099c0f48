"""What all values share: names, digests, machines, and the base classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CloudName = str
"""`local`, `aws`, `azure`, `gcp`, or the name of a third party's adapter (entry point `mooring.clouds`)."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
"""SHA-256 of content: of one file's bytes, or of a folder as `providers.hashing.tree_digest` defines it."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""A name that fits every cloud before its own shortening: lower-case letters, digits and hyphens."""


ContractName = Literal["local", "sagemaker", "azureml", "vertex"]
"""A platform's way to hand a job to a script (docs/training-contract.md)."""


class Value(BaseModel):
    """Base of all values: immutable, no unknown fields, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        protected_namespaces=(),
        defer_build=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """The camelCase mapping that goes to Pulumi; fields that are None are left out."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class Machine(Value):
    """A machine by what it has. The adapter picks the smallest instance of its cloud that has it all."""

    vcpus: float = Field(default=1, gt=0, description="Virtual CPUs.")
    memory_gib: float = Field(default=2, gt=0, description="Memory in GiB.")
    gpus: int = Field(default=0, ge=0, description="Number of GPUs.")
    gpu: str | None = Field(default=None, description="GPU model, such as 'T4'.")


class Scoped(Value):
    """What every resource of the `moor` package carries: where it lives."""

    cloud: CloudName = Field(description="The cloud; a change replaces.")
    region: str = Field(default="", description="The vendor's own region name; empty on `local`. A change replaces.")
    name: Name = Field(description="Name in the stack; the adapter derives the cloud's own name from it.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags the user wants on the resource.")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="Vendor settings passed through untouched to the create call of this cloud."
    )
