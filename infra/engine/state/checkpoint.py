"""A stack's state in Pulumi's checkpoint form (version 3, or 4 where a feature needs it).

`apitype.VersionedCheckpoint`, `DeploymentV3` and `ResourceV3` of Pulumi's Go SDK. Fields that this engine
does not know are kept and written back, so that a state written by the CLI goes through without loss. A
resource keeps its encoded bytes, so that a write encodes only what has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.engine.configuration.secrets import SecretsManager
from infra.engine.errors import StateCorrupt, StateUnsupported
from infra.engine.state.resource import Operation, Resource, decode_resource, encode_resource
from infra.engine.values.encoding import Decoder, Encoder, dumps, loads

SUPPORTED_FEATURES = frozenset(
    {"refreshBeforeUpdate", "views", "hooks", "taint", "replaceWith", "extensionParameterization", "byteString"}
)
"""Features of version 4 that this engine reads and keeps. Without `snippets-prototype`: it would drop them."""


@dataclass
class Manifest:
    """When and by what the state was written. `magic` is hex SHA-256 of `version`, or both are empty."""

    time: str = "0001-01-01T00:00:00Z"
    magic: str = ""
    version: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, version: str, time: str) -> Manifest:
        """A manifest whose magic fits its version."""
        return cls(time, hashlib.sha256(version.encode()).hexdigest() if version else "", version)

    def encode(self) -> dict[str, Any]:
        return {"time": self.time, "magic": self.magic, "version": self.version, **self.extra}


@dataclass
class Snapshot:
    """All that a stack's state holds. `resources` is in dependency order: what is named comes first.

    `secrets` is the manager under which it was loaded, None where the state names none. `features` are those
    of its version 4 that cannot be told from the resources (byte strings inside secrets).
    """

    manifest: Manifest = field(default_factory=Manifest)
    resources: list[Resource] = field(default_factory=list)
    pending_operations: list[Operation] = field(default_factory=list)
    secrets_providers: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    secrets: SecretsManager | None = None
    features: frozenset[str] = frozenset()

    def live(self) -> dict[str, Resource]:
        """Resources by URN, without those that only wait for deletion."""
        return {r.urn: r for r in self.resources if not r.delete}

    def root(self) -> Resource | None:
        """The stack's own resource, whose outputs are the stack's."""
        for resource in self.resources:
            if resource.type == "pulumi:pulumi:Stack" and not resource.parent:
                return resource
        return None


def load(data: bytes, secrets: SecretsManager | None) -> Snapshot:
    """The state in a checkpoint file. Secrets stay sealed until their value is wanted.

    Raises `StateCorrupt` when it cannot be read, `StateUnsupported` when it needs another Pulumi, and
    `EngineError` when it is of another secrets provider or holds a malformed value.
    """
    document = parse(data)
    checkpoint = document.get("checkpoint")
    if not isinstance(checkpoint, dict):
        raise StateCorrupt("the checkpoint has no 'checkpoint' object")
    _check_version(document)
    return _decode(checkpoint.get("latest") or {}, secrets, document)


def dump(snapshot: Snapshot, secrets: SecretsManager | None, stack: str) -> bytes:
    """The checkpoint file of a state. `stack` is the qualified name, `organization/<project>/<stack>`."""
    deployment, features = _encode(snapshot, secrets)
    document: dict[str, Any] = {"version": 4 if features else 3}
    if features:
        document["features"] = features
    document["checkpoint"] = {"stack": stack, "latest": deployment}
    return dumps(document)


def dump_empty(stack: str) -> bytes:
    """The checkpoint file of a stack that was never deployed."""
    return dumps({"version": 3, "checkpoint": {"stack": stack}})


def from_deployment(untyped: Mapping[str, Any], secrets: SecretsManager | None) -> Snapshot:
    """The state in an export (`{"version": 3, "deployment": …}`). Raises `StateCorrupt`."""
    deployment = untyped.get("deployment")
    if not isinstance(deployment, Mapping):
        raise StateCorrupt('not an exported stack: expected {"version": 3, "deployment": {…}}')
    _check_version(untyped)
    return _decode(deployment, secrets, untyped)


def to_deployment(snapshot: Snapshot, *, show_secrets: bool = False) -> dict[str, Any]:
    """The export of a state, in the form of `pulumi stack export`; secrets stay encrypted by default."""
    deployment, features = _encode(snapshot, snapshot.secrets, show_secrets=show_secrets)
    parsed = loads(dumps(deployment))
    exported: dict[str, Any] = {"version": 4 if features else 3}
    if features:
        exported["features"] = features
    return exported | {"deployment": parsed}


def parse(data: bytes) -> dict[str, Any]:
    """The JSON of a checkpoint file, unpacked where it is compressed. Raises `StateCorrupt`."""
    if data[:4] == b"\x28\xb5\x2f\xfd":
        raise StateUnsupported("the checkpoint is compressed with zstd; the embedded engine reads JSON and gzip")
    if data[:2] == b"\x1f\x8b":
        import gzip
        import zlib

        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise StateCorrupt(f"the checkpoint is a damaged gzip file: {error}") from None
    if not data.strip():
        raise StateCorrupt("the checkpoint is empty")
    try:
        document = loads(data)
    except ValueError as error:
        raise StateCorrupt(f"the checkpoint is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise StateCorrupt("the checkpoint is not a JSON object")
    return document


def _check_version(document: Mapping[str, Any]) -> None:
    version = document.get("version")
    if not isinstance(version, int):
        raise StateCorrupt("the state has no version")
    if version not in (3, 4):
        raise StateUnsupported(
            f"the state has version {version!r}; this engine reads 3 and 4: run `pulumi up` with a current "
            "Pulumi CLI once"
        )
    unknown = sorted(set(document.get("features") or ()) - SUPPORTED_FEATURES)
    if version == 4 and unknown:
        raise StateUnsupported(
            f"the state uses features that only the Pulumi CLI has ({', '.join(unknown)}): use --engine pulumi"
        )


_DEPLOYMENT = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})


def _decode(deployment: Mapping[str, Any], secrets: SecretsManager | None, document: Mapping[str, Any]) -> Snapshot:
    providers = deployment.get("secrets_providers")
    manager = None
    if secrets is not None and providers and providers.get("type"):
        manager = secrets.for_state(providers["type"], providers.get("state"))
    decoder = Decoder(manager)
    try:
        manifest = dict(deployment.get("manifest") or {})
        return Snapshot(
            manifest=Manifest(
                manifest.pop("time", Manifest.time), manifest.pop("magic", ""), manifest.pop("version", ""), manifest
            ),
            resources=[decode_resource(raw, decoder, manager) for raw in deployment.get("resources") or ()],
            pending_operations=[
                Operation(decode_resource(raw["resource"], decoder, manager), raw["type"])
                for raw in deployment.get("pending_operations") or ()
            ],
            secrets_providers=providers,
            metadata=dict(deployment.get("metadata") or {}),
            extra={k: v for k, v in deployment.items() if k not in _DEPLOYMENT},
            secrets=manager,
            features=frozenset({"byteString"}) & set(document.get("features") or ()),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise StateCorrupt(f"the state is not of Pulumi's form: {type(error).__name__} {error}") from error


def _encode(
    snapshot: Snapshot, secrets: SecretsManager | None, *, show_secrets: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """The deployment, and the features it needs."""
    import orjson

    features: set[str] = set(snapshot.features)
    encoder = Encoder(secrets, show_secrets=show_secrets)

    def encoded(resource: Resource) -> orjson.Fragment:
        return orjson.Fragment(encode_resource(resource, encoder, secrets, features, show_secrets))

    deployment: dict[str, Any] = {"manifest": snapshot.manifest.encode()}
    if secrets is not None:
        deployment["secrets_providers"] = {"type": secrets.type, "state": secrets.state}
    elif snapshot.secrets_providers:
        deployment["secrets_providers"] = snapshot.secrets_providers
    if snapshot.resources:
        deployment["resources"] = [encoded(r) for r in snapshot.resources]
    if snapshot.pending_operations:
        deployment["pending_operations"] = [
            {"resource": encoded(operation.resource), "type": operation.type}
            for operation in snapshot.pending_operations
        ]
    deployment["metadata"] = snapshot.metadata
    return deployment | snapshot.extra, sorted(features)
