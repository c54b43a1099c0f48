# ruff: noqa: E501 - a program that is one thing to look at stays on one line
"""Values of every kind: properties, outputs, configuration, assets, invokes, stack references."""

from __future__ import annotations

from scenario import Scenario, destroy, preview, refresh, up

VALUES = """
R("a", {
    "none": None, "empty": "", "zero": 0, "big": 2**53, "huge": 1e300, "tiny": 5e-324, "f": 1.0,
    "int": 3, "negative": -7, "true": True, "false": False, "list": [None, 1, "", [], {}], "map": {}, "elist": [],
    "deep": {"a": {"b": {"c": {"d": [{"e": [[[1]]]}]}}}}, "ünï": "日本語 🎉 \\u0000\\n\\t\\"", "with space": 1, "a.b": 1, "a[0]": 1,
    "__internal": 1, "__defaults": [], "id": "mine", "urn": "mine", "long": "x" * 3000, "null-in-map": {"k": None},
    "dollar": "${x}", "percent": "%s %d", "0": "zero", "": "empty key",
})
"""

OUTPUTS = """
a = R("a", {"x": 1})
pulumi.export("plain", {"a": [1, 2.5, None, True], "b": {"c": ""}})
pulumi.export("secret", Output.secret({"k": ["v"]}))
pulumi.export("nested", {"s": Output.secret("x"), "h": a.handle, "l": [a.id, a.urn]})
pulumi.export("all", Output.all(a.handle, a.token))
pulumi.export("kw", Output.all(h=a.handle, t=a.token).apply(lambda d: d["h"] + d["t"]))
pulumi.export("concat", Output.concat("x-", a.handle, "-", 3))
pulumi.export("format", Output.format("{0}/{k}", a.handle, k=a.token))
pulumi.export("unsecret", Output.unsecret(Output.secret("open")))
pulumi.export("json", Output.json_dumps({"h": a.handle, "s": Output.secret("x")}))
pulumi.export("outofout", a.handle.apply(lambda h: a.token.apply(lambda t: Output.from_input({"h": h, "t": [a.id]}))))
pulumi.export("none", None)
pulumi.export("empty", "")
pulumi.export("resource", a)
pulumi.export("float", 1.0)
pulumi.export("big", 12345678901234567890)
pulumi.export("secretnone", Output.secret(None))
pulumi.export("listsecret", [Output.secret(1), 2])
"""

UNKNOWN = """
a = R("a", {"fixed": %s, "x": %s})
b = R("b", {"x": a.handle, "y": [a.handle, 1], "z": {"k": a.handle, "l": {"m": a.token}}, "s": Output.secret(a.handle)})
c = R("c", {"all": Output.all(a.handle, b.token), "apply": b.token.apply(lambda t: t + "!"), "h": a.handle.apply(lambda h: h + "!")})
pulumi.export("h", a.handle)
pulumi.export("n", {"h": a.handle, "t": c.token, "l": [a.handle, 1]})
pulumi.export("p", a.x if hasattr(a, "x") else None)
"""

CONFIG = """
c = pulumi.Config()
d = pulumi.Config("other")
def t(f, *a):
    try:
        return repr(f(*a))
    except Exception as e:
        return type(e).__name__ + ": " + str(e)
pulumi.export("values", {
    "int": t(c.get_int, "int"), "notint": t(c.get_int, "text"), "float": t(c.get_float, "float"), "bool": t(c.get_bool, "bool"),
    "notbool": t(c.get_bool, "text"), "object": t(c.require_object, "object"), "missing": t(c.require, "missing"),
    "missing_secret": t(c.require_secret, "missing"), "text": t(c.require, "text"), "other": t(d.get, "k"), "list": t(c.require_object, "list"),
    "empty": t(c.get, "empty"), "null": t(c.get, "null"), "default": t(c.get, "nope", "d"), "intstr": t(c.get, "int"), "boolstr": t(c.get, "bool"),
    "floatstr": t(c.get, "float"), "date": t(c.get, "date"), "big": t(c.get, "big"), "octal": t(c.get, "octal"), "nested": t(c.get, "nested"),
    "multi": t(c.get, "multi"), "yes": t(c.get, "yes"), "exp": t(c.get, "exp"), "hex": t(c.get, "hex"), "path.x": t(c.get, "path.x"),
    "allkeys": sorted(pulumi.runtime.config.CONFIG.get().items()),
})
pulumi.export("secret", c.get_secret("text"))
pulumi.export("stack", [pulumi.get_stack(), pulumi.get_project(), pulumi.get_organization()])
"""
CONFIG_YAML = """
  proj:int: 42
  proj:text: hello
  proj:float: 1.50
  proj:bool: true
  proj:object: {"a": [1, {"b": null}], "c": "d"}
  proj:list: [1, "2", 3.5, true]
  proj:empty: ""
  other:k: v
  proj:date: 2024-01-02
  proj:big: 12345678901234567890
  proj:octal: 010
  proj:hex: 0x1f
  proj:exp: 1e3
  proj:yes: yes
  proj:nested:
    z: 1
    a: {y: [], x: {}}
  proj:multi: |
    two
    lines
"""

SCENARIOS = (
    Scenario("values", (up(VALUES), preview(VALUES), up(VALUES), refresh(), destroy())),
    Scenario("values-secrets", (up(VALUES.replace('"int": 3', '"int": Output.secret(3)')), up(VALUES)), secrets=True),
    Scenario("silent-values", (up(VALUES.replace('"none"', '"silent": True, "none"')), preview(VALUES.replace('"none"', '"silent": True, "none"').replace('"int": 3', '"int": 3.5'))),),
    Scenario("stack-outputs", (preview(OUTPUTS), up(OUTPUTS), preview(OUTPUTS), up(OUTPUTS), destroy())),
    Scenario("unknowns", (preview(UNKNOWN % (1, 1)), up(UNKNOWN % (1, 1)), preview(UNKNOWN % (2, 1)), preview(UNKNOWN % (1, 2)), up(UNKNOWN % (1, 2)), up(UNKNOWN % (2, 2)))),
    Scenario("unknowns-secrets", (preview(UNKNOWN % (1, 1)), up(UNKNOWN % (1, 1)), preview(UNKNOWN % (2, 1)), preview(UNKNOWN % (1, 2)), up(UNKNOWN % (1, 2)), up(UNKNOWN % (2, 2))), secrets=True),
    Scenario("config", (up(CONFIG),), config=CONFIG_YAML),
    Scenario(
        "invokes",
        (
            up('''
a = R("a", {"x": 1})
r = pulumi.runtime.invoke("twin:index:shout", {"text": "hi", "n": None})
o = pulumi.runtime.invoke_output("twin:index:shout", {"text": a.handle}) if hasattr(pulumi.runtime, "invoke_output") else Output.from_input("x")
pulumi.export("r", r.value)
pulumi.export("o", o)
R("b", {"x": o})
'''),
            preview('''
a = R("a", {"fixed": 1})
o = pulumi.runtime.invoke_output("twin:index:shout", {"text": a.handle})
s = pulumi.runtime.invoke_output("twin:index:shout", {"text": Output.secret("x")}, pulumi.InvokeOutputOptions(depends_on=[a]))
R("b", {"x": o, "y": s})
'''),
            up('''
a = R("a", {"fixed": 1})
p = Provider("p", {"zone": "z"})
o = pulumi.runtime.invoke_output("twin:index:shout", {"text": a.handle})
s = pulumi.runtime.invoke_output("twin:index:shout", {"text": Output.secret("x")}, pulumi.InvokeOutputOptions(depends_on=[a], provider=p))
R("b", {"x": o, "y": s})
pulumi.export("s", s)
'''),
            up('pulumi.runtime.invoke("twin:index:refuse", {})'),
            up('pulumi.runtime.invoke("twin:index:missing", {})'),
        ),
    ),
    Scenario(
        "invoke-transforms",
        (
            up('''
def change(args):
    return pulumi.InvokeTransformResult({"text": "changed"}, args.opts)
pulumi.runtime.register_invoke_transform(change)
R("a", {})
pulumi.export("r", pulumi.runtime.invoke_output("twin:index:shout", {"text": "hi"}))
'''),
        ),
    ),
    Scenario(
        "assets",
        (
            up('R("a", {"f": pulumi.FileAsset("../some.txt"), "s": pulumi.StringAsset("text ü"), "ar": pulumi.AssetArchive({"x": pulumi.StringAsset("1"), "d": pulumi.FileArchive("../folder")}), "fa": pulumi.FileArchive("../folder"), "l": [pulumi.FileAsset("../some.txt")]})'),
            up('R("a", {"f": pulumi.FileAsset("../some.txt"), "s": pulumi.StringAsset("text ü"), "ar": pulumi.AssetArchive({"x": pulumi.StringAsset("1"), "d": pulumi.FileArchive("../folder")}), "fa": pulumi.FileArchive("../folder"), "l": [pulumi.FileAsset("../some.txt")]})'),
            preview('R("a", {"f": pulumi.FileAsset("../folder/one"), "s": pulumi.StringAsset("other"), "silent": True})'),
            up('R("a", {"f": pulumi.FileAsset("../folder/one"), "s": Output.secret(pulumi.StringAsset("other")), "silent": True})'),
            up('R("a", {"f": pulumi.FileAsset("../missing.txt")})'),
        ),
        files={"some.txt": "some\n", "folder/one": "1", "folder/sub/two": "2"},
    ),
    Scenario(
        "stack-references",
        (
            up('pulumi.export("x", 1)\npulumi.export("s", Output.secret({"k": 1}))\npulumi.export("n", {"p": Output.secret("q")})'),
            preview('r = pulumi.StackReference("organization/proj/dev")\npulumi.export("again", r.get_output("x"))\npulumi.export("s", r.get_output("s"))\npulumi.export("none", r.get_output("none"))'),
            up('r = pulumi.StackReference("organization/proj/dev")\npulumi.export("again", r.get_output("x"))\npulumi.export("s", r.get_output("s"))\npulumi.export("none", r.get_output("none"))\nR("a", {"n": r.require_output("n"), "o": r.outputs})'),
            up('r = pulumi.StackReference("self", stack_name="organization/proj/dev")\npulumi.export("again", r.require_output("again"))'),
            up('r = pulumi.StackReference("organization/proj/dev")\npulumi.export("d", r.get_output_details("again").__await__ and 1)'),
            up('r = pulumi.StackReference("organization/proj/dev")\npulumi.export("m", r.require_output("missing"))'),
            up('pulumi.StackReference("organization/proj/missing")'),
            destroy(),
        ),
    ),
    Scenario(
        "names",
        (
            up('R("a b", {})\nR("ü/:x", {})\nR("x::y", {})\nR("$t$", {}, Opts(parent=Group("g$h")))\nR("%", {})\nR("a\\nb", {})\nR("q\\"", {})'),
            up('R("a b", {"x": 1})\nR("x::y", {"fixed": 1}, Opts(aliases=[Alias(name="%")]))'),
            destroy(),
        ),
    ),
    Scenario("empty-name", (up('R("", {})'),)),
    Scenario(
        "resource-references",
        (
            up('a = R("a", {"x": 1})\ng = Group("g")\nR("b", {"r": a, "l": [g, {"k": a}]})'),
            preview('a = R("a", {"fixed": 1})\ng = Group("g")\nR("b", {"r": a, "l": [g, {"k": a}]})'),
            up('a = R("a", {"fixed": 1})\ng = Group("g")\nR("b", {"r": a, "l": [g, {"k": a}]})'),
        ),
        secrets=True,
    ),
    Scenario(
        "resource-references-plain",
        (
            up('a = R("a", {"x": 1})\ng = Group("g")\nR("b", {"r": a, "l": [g, {"k": a}]})'),
            up('a = R("a", {"fixed": 1})\ng = Group("g")\nR("b", {"r": a, "l": [g, {"k": a}]})'),
        ),
    ),
    Scenario("depends-on-odd", (up('a = R("a")\nb = R("b", {}, Opts(depends_on=a.urn.apply(lambda u: [a])))\nR("c", {"x": Output.all(a.id, b.urn), "y": a.handle.apply(lambda h: b.handle)}, Opts(depends_on=[a, b, a]))'),)),
)  # fmt: skip
