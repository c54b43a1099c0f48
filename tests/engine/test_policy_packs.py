"""Policy packs: processes that speak the Analyzer protocol, started from a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_kit import Stack

from infra.engine.errors import EngineError, UnsupportedOption

PACK = """
import time
from concurrent import futures

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc


def found(name, message, level, urn=""):
    return pb.AnalyzeDiagnostic(
        policyName=name, policyPackName="house", message=message, enforcementLevel=level, urn=urn
    )


class Rules(analyzer_pb2_grpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        return pb.AnalyzerInfo(name="house", version="1.0.0")

    def ConfigureStack(self, request, context):
        self.stack = request.stack
        return pb.AnalyzerStackConfigureResponse()

    def Remediate(self, request, context):
        props = MessageToDict(request.properties)
        if not props.pop("untidy", False):
            return pb.RemediateResponse()
        fixed = ParseDict({**props, "tidied": self.stack}, Struct())
        return pb.RemediateResponse(remediations=[pb.Remediation(policyName="tidy", properties=fixed)])

    def Analyze(self, request, context):
        props = MessageToDict(request.properties)
        diagnostics = []
        if props.get("forbidden"):
            diagnostics.append(found("no-forbidden", "is forbidden", pb.MANDATORY))
        if props.get("frowned"):
            diagnostics.append(found("no-frown", "is frowned upon", pb.ADVISORY))
        return pb.AnalyzeResponse(diagnostics=diagnostics)

    def AnalyzeStack(self, request, context):
        count = sum(r.type == "demo:index:Thing" for r in request.resources)
        diagnostics = [found("few", f"{count} things are too many", pb.MANDATORY)] if count > 2 else []
        return pb.AnalyzeResponse(diagnostics=diagnostics)


server = grpc.server(futures.ThreadPoolExecutor(4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Rules(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nname: house\n")
    (folder / "__main__.py").write_text(PACK)
    return folder


def test_a_mandatory_violation_stops_the_resource_and_an_advisory_one_is_told(stack: Stack, pack: Path) -> None:
    source = 'Thing("bad", {"forbidden": True})\nThing("meh", {"frowned": True})'
    result = stack.run("up", source, policy_packs=(pack,))
    assert any("[house] no-forbidden: is forbidden" in e for e in result.errors)
    assert any("[house] no-frown: is frowned upon" in m for m in stack.messages)
    assert set(stack.things()) == {"meh"}


def test_a_preview_tells_of_violations_and_goes_on(stack: Stack, pack: Path) -> None:
    result = stack.preview('Thing("bad", {"forbidden": True})', policy_packs=(pack,))
    assert any("no-forbidden" in e for e in result.errors)
    assert ("create", "bad") in stack.steps


def test_a_remediation_changes_what_is_deployed(stack: Stack, pack: Path) -> None:
    stack.up('Thing("a", {"untidy": True, "x": 1})', policy_packs=(pack,))
    assert stack.things() == {"a": {"x": 1, "tidied": "dev"}}


def test_the_stack_is_looked_at_as_a_whole(stack: Stack, pack: Path) -> None:
    result = stack.run("up", "for n in 'abc': Thing(n, {})", policy_packs=(pack,))
    assert any("3 things are too many" in e for e in result.errors)


def test_what_is_no_pack_is_refused_before_anything_is_done(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no PulumiPolicy\.yaml"):
        stack.run("up", 'Thing("a", {})', policy_packs=(tmp_path,))
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: nodejs\n")
    with pytest.raises(UnsupportedOption, match="nodejs"):
        stack.run("up", 'Thing("a", {})', policy_packs=(tmp_path,))
    assert stack.things() == {}


def test_a_pack_that_does_not_start_says_so(stack: Stack, pack: Path) -> None:
    (pack / "__main__.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(EngineError, match="before it was ready"):
        stack.run("up", 'Thing("a", {})', policy_packs=(pack,))


def test_a_pack_that_prints_much_around_its_port_does_not_stand_still(stack: Stack, pack: Path) -> None:
    main = pack / "__main__.py"
    port = 'print("loading rules\\n%s" % server.add_insecure_port("127.0.0.1:0"), flush=True)\nprint("x" * 300_000)'
    main.write_text(PACK.replace('print(server.add_insecure_port("127.0.0.1:0"), flush=True)', port))
    stack.up('Thing("a", {})', policy_packs=(pack,))
    assert set(stack.things()) == {"a"}
