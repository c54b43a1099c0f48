# ruff: noqa: E501 - a program that is one thing to look at stays on one line
"""Resource options, one by one."""

from __future__ import annotations

from scenario import Scenario, destroy, preview, refresh, up

SECRET = 'Output.secret("s3cret")'
THINGS = """
a = R("a", {"x": 1})
b = R("b", {"x": a.handle})
"""

SCENARIOS = (
    Scenario(
        "explicit-provider",
        (
            up('p = Provider("p", {"zone": "z", "key": Output.secret("k")})\nR("a", {"x": 1}, Opts(provider=p))'),
            up('p = Provider("p", {"zone": "y", "key": Output.secret("k")})\nR("a", {"x": 1}, Opts(provider=p))'),
            preview('p = Provider("p", {"region": "r"})\nR("a", {"x": 1}, Opts(provider=p))'),
            up('p = Provider("p", {"region": "r"})\nR("a", {"x": 1}, Opts(provider=p))'),
            up('p = Provider("p", {"region": "r"})\nq = Provider("q", {"region": "s"})\nR("a", {"x": 1}, Opts(provider=q))'),
            up('q = Provider("q", {"region": "s"})\nr = Provider("r", {"region": "s"})\nR("a", {"x": 1}, Opts(provider=r))'),
            up('R("a", {"x": 1})'),
            destroy(),
        ),
    ),
    Scenario(
        "provider-input-unknown",
        (
            preview('a = R("a", {"x": 1})\np = Provider("p", {"region": a.handle})\nb = R("b", {"x": 1}, Opts(provider=p))\nR("c", {"y": b.handle})'),
            up('a = R("a", {"x": 1})\np = Provider("p", {"region": a.handle})\nb = R("b", {"x": 1}, Opts(provider=p))\nR("c", {"y": b.handle})'),
            preview('a = R("a", {"fixed": 1})\np = Provider("p", {"region": a.handle})\nb = R("b", {"x": 1}, Opts(provider=p))\nR("c", {"y": b.handle})'),
            up('a = R("a", {"fixed": 1})\np = Provider("p", {"region": a.handle})\nb = R("b", {"x": 1}, Opts(provider=p))\nR("c", {"y": b.handle})'),
            destroy(),
        ),
    ),
    Scenario(
        "provider-config-changes",
        (
            up('p = Provider("p", {"nested": {"a": [1, None, {"b": True}]}, "flag": True, "n": 1.5})\nR("a", {}, Opts(provider=p))'),
            up('p = Provider("p", {"nested": {"a": [1, None, {"b": False}]}, "flag": False})\nR("a", {}, Opts(provider=p))'),
            up('p = Provider("p", {"bad": 1})\nR("a", {}, Opts(provider=p))'),
            up('p = Provider("q", {}, Opts(aliases=[Alias(name="p")]))\nR("a", {}, Opts(provider=p))'),
        ),
        secrets=True,
    ),
    Scenario(
        "provider-version",
        (
            up('R("a", {}, Opts(version="1.2.3"))\nR("b", {}, Opts(plugin_download_url="https://example.com/x"))'),
            up('R("a", {}, Opts(version="1.2.4"))\nProvider("p", {"x": 1}, Opts(version="1.2.3"))'),
            destroy(),
        ),
    ),
    Scenario(
        "providers-map",
        (
            up('p = Provider("p", {"zone": "z"})\ng = Group("g", Opts(providers={"twin": p}))\nh = Group("h", Opts(parent=g))\nR("a", {}, Opts(parent=h))\nR("b", {}, Opts(parent=g))\nR("c", {})'),
            up('p = Provider("p", {"zone": "z"})\ng = Group("g", Opts(provider=p))\nh = Group("h", Opts(parent=g, providers=[Provider("q", {})]))\nR("a", {}, Opts(parent=h))\nR("b", {}, Opts(parent=g))\na=R("c", {}, Opts(provider=p))\nR("d", {}, Opts(parent=a))'),
            destroy(),
        ),
    ),
    Scenario(
        "default-provider-config",
        (up('R("a")'), up('R("a", {"x": pulumi.Config("twin").get("zone")})'), destroy()),
        config='{"twin:zone": "here", "twin:count": 3, "twin:nested": {"a": [1, true]}, "proj:other": "x"}',
    ),
    Scenario(
        "parents",
        (
            up('g = Group("g")\nh = Group("h", Opts(parent=g), type="test:index:Inner")\na = R("a", {"x": 1}, Opts(parent=h))\nR("b", {"x": 1}, Opts(parent=a))'),
            up('g = Group("g")\nh = Group("h", Opts(parent=g), type="test:index:Inner")\na = R("a", {"fixed": 1}, Opts(parent=h))\nR("b", {"x": 1}, Opts(parent=a))'),
            up('g = Group("g")\na = R("a", {"fixed": 1}, Opts(parent=g))'),
            destroy(),
        ),
    ),
    Scenario(
        "component-dependencies",
        (
            up('g = Group("g")\na = R("a", {"x": 1}, Opts(parent=g))\nb = R("b", {"x": 1}, Opts(depends_on=[g]))\ng2 = Group("g2", Opts(depends_on=[b]))\nR("c", {}, Opts(parent=g2))\nR("d", {"x": g.urn})'),
            destroy(),
        ),
    ),
    Scenario(
        "component-outputs",
        (
            up('g = Group("g", props={"p": 1, "q": Output.secret("x")})\na = R("a", {"x": 1}, Opts(parent=g))\ng.register_outputs({"handle": a.handle, "s": Output.secret(1), "n": None, "l": [a.token]})'),
            preview('g = Group("g", props={"p": 2})\na = R("a", {"x": 2}, Opts(parent=g))\ng.register_outputs({"handle": a.handle})'),
            up('g = Group("g", props={"p": 2})\na = R("a", {"x": 2}, Opts(parent=g))\ng.register_outputs({"handle": a.handle})'),
            up('g = Group("g", props={"p": 2})\na = R("a", {"x": 2}, Opts(parent=g))'),
        ),
    ),
    Scenario(
        "protect",
        (
            up('a = R("a", {"fixed": 1}, Opts(protect=True))\ng = Group("g", Opts(protect=True))\nR("b", {}, Opts(parent=g))\nR("c", {}, Opts(parent=g, protect=False))'),
            up('a = R("a", {"fixed": 2}, Opts(protect=True))'),
            up('g = Group("g")'),
            up('a = R("a", {"fixed": 1})\ng = Group("g")\nR("b", {}, Opts(parent=g))'),
            up('a = R("a", {"fixed": 2})'),
            destroy(),
        ),
    ),
    Scenario(
        "protect-replace",
        (
            up('R("a", {"fixed": 1, "first": True}, Opts(protect=True))\nR("b", {})'),
            preview('R("b", {})'),
            up('R("a", {"fixed": 2, "first": True})\nR("b", {})'),
        ),
    ),
    Scenario(
        "protected-dependent",
        (
            up('a = R("a", {"fixed": 1, "first": True})\nR("b", {"fixed": a.handle}, Opts(protect=True))'),
            up('a = R("a", {"fixed": 2, "first": True})\nR("b", {"fixed": a.handle}, Opts(protect=True))'),
        ),
    ),
    Scenario(
        "ignore-changes",
        (
            up('R("a", {"x": 1, "o": {"p": 1, "q": 2}, "l": [1, 2, 3], "m": [{"k": 1, "v": 1}, {"k": 2, "v": 2}]}, Opts(ignore_changes=["x", "o.p", "l[1]", "m[*].v"]))'),
            up('R("a", {"x": 2, "o": {"p": 5, "q": 6}, "l": [1, 9, 8], "m": [{"k": 3, "v": 5}, {"k": 4, "v": 6}]}, Opts(ignore_changes=["x", "o.p", "l[1]", "m[*].v"]))'),
            up('R("a", {"o": {"q": 6}, "l": [1], "m": [], "new": 1}, Opts(ignore_changes=["x", "new"]))'),
            up('R("a", {"o": {"q": 6}, "l": [1], "m": [], "new": 1}, Opts(ignore_changes=["l[5]", "o.z", "m[*].v", "*"]))'),
            up('R("a", {"o": {"q": 6, "z": 1}, "l": [1], "m": []}, Opts(ignore_changes=[\'o["z"]\', "l[*]", "o.*"]))'),
            up('R("a", {"o": 1}, Opts(ignore_changes=["o.p"]))'),
        ),
    ),
    Scenario(
        "ignore-changes-wild",
        (
            up('R("a", {"o": {"p": {"x": 1}, "q": {"x": 2}}, "l": [[1], [2]]}, Opts(ignore_changes=["o.*.x", "l[*][0]"]))'),
            up('R("a", {"o": {"p": {"x": 3}, "q": {"x": 4}}, "l": [[3], [4]]}, Opts(ignore_changes=["o.*.x", "l[*][0]"]))'),
            up('R("a", {"o": {"p": {"x": 3}, "r": {"x": 4}}, "l": [[3], [4], [5]]}, Opts(ignore_changes=["o.*.x", "l[*][0]"]))'),
            up('R("a", {"l": [[3], [4], [5]]}, Opts(ignore_changes=["o", "l"]))'),
            up('R("a", {"fixed": 1, "l": [[3]]}, Opts(ignore_changes=["fixed", "o"]))'),
            up('R("a", {"fixed": Output.secret(1), "l": [[3]]}, Opts(ignore_changes=["**", "[0]"]))'),
        ),
    ),
    Scenario(
        "ignore-changes-on-replace",
        (
            up('R("a", {"fixed": 1, "x": 1}, Opts(ignore_changes=["x"]))'),
            up('R("a", {"fixed": 2, "x": 2}, Opts(ignore_changes=["x"]))'),
            up('R("a", {"fixed": 3, "first": True, "x": 3}, Opts(ignore_changes=["x"]))'),
            up('R("a", {"fixed": 3, "first": True, "x": 5}, Opts(ignore_changes=["x"]))', replace=("a",)),
        ),
    ),
    Scenario(
        "additional-secret-outputs",
        (
            up('a = R("a", {"x": 1, "l": [1]}, Opts(additional_secret_outputs=["token", "l"]))\nb = R("b", {"x": a.token})\npulumi.export("t", a.token)'),
            up('a = R("a", {"x": 1, "l": [1]})\nb = R("b", {"x": a.token})\npulumi.export("t", a.token)'),
        ),
    ),
    Scenario(
        "secret-inputs",
        (
            up('a = R("a", {"x": Output.secret({"k": [1]}), "y": {"z": Output.secret("deep")}, "n": Output.secret(None)})\nb = R("b", {"x": a.handle})'),
            up('a = R("a", {"x": {"k": [1]}, "y": {"z": Output.secret("deeper")}})\nb = R("b", {"x": a.handle})'),
            up('a = R("a", {"x": Output.secret({"k": [1]}), "y": {"z": "deeper"}})\nb = R("b", {"x": a.handle})'),
        ),
    ),
    Scenario(
        "secret-inputs-understood",
        (
            up('a = R("a", {"x": Output.secret({"k": [1]}), "y": {"z": Output.secret("deep")}, "n": Output.secret(None), "hidden": "y"})\nb = R("b", {"x": a.handle})'),
            up('a = R("a", {"x": {"k": [1]}, "y": {"z": Output.secret("deeper")}, "hidden": "x"})\nb = R("b", {"x": a.handle})'),
            up('a = R("a", {"x": Output.secret({"k": [1]}), "y": {"z": "deeper"}})\nb = R("b", {"x": a.handle})'),
            refresh(),
            preview('a = R("a", {"x": Output.secret({"k": [1]}), "y": {"z": "deeper"}})\nb = R("b", {"x": Output.secret(1)})'),
            destroy(),
        ),
        secrets=True,
    ),
    Scenario(
        "custom-timeouts",
        (
            up('R("a", {"x": 1}, Opts(custom_timeouts=pulumi.CustomTimeouts(create="5m", update="1h30m", delete="90s")))'),
            up('R("a", {"x": 2}, Opts(custom_timeouts=pulumi.CustomTimeouts(create="5m", update="1.5s", delete="90s")))'),
            up('R("a", {"x": 2})'),
            up('R("a", {"x": 2}, Opts(custom_timeouts=pulumi.CustomTimeouts(delete="100ms")))'),
            destroy(),
            up('R("a", {"x": 2}, Opts(custom_timeouts=pulumi.CustomTimeouts(delete="soon")))'),
        ),
    ),
    Scenario(
        "aliases",
        (
            up('a = R("a", {"x": 1})\nb = R("b", {"x": a.handle})\nR("c", {"x": 1})'),
            preview('a = R("a2", {"x": 1}, Opts(aliases=[Alias(name="a")]))\nb = R("b", {"x": a.handle})\nR("c", {"x": 1})'),
            up('a = R("a2", {"x": 1}, Opts(aliases=[Alias(name="a")]))\nb = R("b", {"x": a.handle})\nR("c", {"x": 1})'),
            up('a = R("a2", {"x": 1}, Opts(aliases=[Alias(name="a")]))\nb = R("b", {"x": a.handle}, type="S", opts=Opts(aliases=[Alias(type_="twin:index:R")]))\nR("c", {"x": 1})'),
            up('g = Group("g")\na = R("a2", {"x": 1}, Opts(parent=g, aliases=[Alias(parent=pulumi.ROOT_STACK_RESOURCE)]))\nR("c3", {"x": 1}, Opts(aliases=["urn:pulumi:dev::proj::twin:index:R::c"]))'),
            up('h = Group("h", Opts(aliases=[Alias(name="g")]))\na = R("a2", {"x": 1}, Opts(parent=h))\nR("c3", {"x": 2})'),
            up('a = R("a2", {"x": 1}, Opts(aliases=["urn:pulumi:dev::proj::test:index:Group$twin:index:R::a2"]))\nR("c4", {"fixed": 2}, Opts(aliases=[Alias(name="c3"), Alias(name="zz")]))'),
            destroy(),
        ),
    ),
    Scenario(
        "aliases-of-components",
        (
            up('g = Group("g")\nh = Group("g-h", Opts(parent=g), type="test:index:Inner")\na = R("g-h-a", {"x": 1}, Opts(parent=h))\nR("b", {"x": a.handle}, Opts(parent=g, protect=True))'),
            preview('g = Group("n", Opts(aliases=[Alias(name="g")]))\nh = Group("n-h", Opts(parent=g), type="test:index:Inner")\na = R("n-h-a", {"x": 1}, Opts(parent=h))\nR("b", {"x": a.handle}, Opts(parent=g, protect=True))'),
            up('g = Group("n", Opts(aliases=[Alias(name="g")]))\nh = Group("n-h", Opts(parent=g), type="test:index:Inner")\na = R("n-h-a", {"x": 1}, Opts(parent=h))\nR("b", {"x": a.handle}, Opts(parent=g, protect=True))'),
            up('g = Group("n", Opts(aliases=[Alias(name="g"), Alias(type_="test:index:Group")]), type="test:index:New")\nh = Group("n-h", Opts(parent=g, aliases=[Alias(type_="test:index:Inner")]), type="test:index:Newer")\na = R("n-h-a", {"x": 2}, Opts(parent=h))\nR("b", {"x": a.handle}, Opts(parent=g))'),
            up('outer = Group("outer")\ng = Group("n", Opts(parent=outer, aliases=[Alias(no_parent=True) if False else Alias(parent=pulumi.ROOT_STACK_RESOURCE)]), type="test:index:New")\nh = Group("n-h", Opts(parent=g), type="test:index:Newer")\na = R("n-h-a", {"x": 2}, Opts(parent=h))\nR("b", {"x": a.handle}, Opts(parent=g))'),
            destroy(),
        ),
    ),
    Scenario(
        "retain-on-delete",
        (
            up('R("a", {"fixed": 1}, Opts(retain_on_delete=True))\ng = Group("g", Opts(retain_on_delete=True))\nR("b", {}, Opts(parent=g))'),
            up('R("a", {"fixed": 2}, Opts(retain_on_delete=True))'),
            up('R("a", {"fixed": 2})'),
            up("pass"),
        ),
    ),
    Scenario(
        "replace-on-changes",
        (
            up('R("a", {"x": 1, "o": {"p": 1}, "l": [{"q": 1}]}, Opts(replace_on_changes=["x", "o.p", "l[*].q"]))'),
            up('R("a", {"x": 2, "o": {"p": 1}, "l": [{"q": 1}]}, Opts(replace_on_changes=["x", "o.p", "l[*].q"]))'),
            up('R("a", {"x": 2, "vague": True, "o": {"p": 2}, "l": [{"q": 1}]}, Opts(replace_on_changes=["x", "o.p", "l[*].q"]))'),
            up('R("a", {"x": 2, "silent": True, "o": {"p": 2}, "l": [{"q": 2}]}, Opts(replace_on_changes=["x", "o.p", "l[*].q"]))'),
            preview('R("a", {"x": 2, "silent": True, "o": {"p": 2}, "l": [{"q": 3}]}, Opts(replace_on_changes=["*"]))'),
            up('R("a", {"x": 2, "silent": True, "o": {"p": 2}, "l": [{"q": 3}]}, Opts(replace_on_changes=["*"]))'),
        ),
    ),
    Scenario(
        "silent-diff",
        (
            up('R("a", {"x": 1, "silent": True, "s": Output.secret(1), "l": [1, 2]})'),
            up('R("a", {"x": 1, "silent": True, "s": Output.secret(1), "l": [1, 2]})'),
            preview('R("a", {"x": 1, "silent": True, "s": 1, "l": [1], "o": {"x y": 1}})'),
            up('R("a", {"x": 1, "silent": True, "s": 1, "l": [1], "o": {"x y": 1}})'),
            preview('R("a", {"x": "1", "silent": True, "s": 2, "l": [2], "o": {}})'),
            up('R("a", {"x": "1", "silent": True, "s": 2, "l": [2], "o": {}}, Opts(ignore_changes=["l"]))'),
        ),
    ),
    Scenario(
        "deleted-with",
        (
            up('a = R("a", {"fixed": 1})\nR("b", {}, Opts(deleted_with=a))\ng = Group("g", Opts(deleted_with=a))\nR("c", {}, Opts(parent=g))'),
            up('a = R("a", {"fixed": 2})\nR("b", {}, Opts(deleted_with=a))\ng = Group("g", Opts(deleted_with=a))\nR("c", {}, Opts(parent=g))'),
            up('a = R("a", {"fixed": 3, "first": True})\nR("b", {}, Opts(deleted_with=a))\ng = Group("g", Opts(deleted_with=a))\nR("c", {}, Opts(parent=g))'),
            up('a = R("a", {"fixed": 3, "first": True})\nR("b", {}, Opts(deleted_with=a))'),
            up('a = R("a", {"fixed": 3, "first": True})'),
            destroy(),
        ),
    ),
    Scenario(
        "deleted-with-destroyed",
        (up('a = R("a")\nR("b", {}, Opts(deleted_with=a))\nR("c", {"x": 1}, Opts(deleted_with=a, depends_on=[a]))'), destroy()),
    ),
    Scenario(
        "replace-with",
        (
            up('a = R("a", {"fixed": 1})\nR("b", {}, Opts(replace_with=[a]))'),
            preview('a = R("a", {"fixed": 2})\nR("b", {}, Opts(replace_with=[a]))'),
            up('a = R("a", {"fixed": 2})\nR("b", {}, Opts(replace_with=[a]))'),
            up('a = R("a", {"fixed": 3, "first": True})\nR("b", {}, Opts(replace_with=[a]))'),
        ),
    ),
    Scenario(
        "transforms",
        (
            up('''
def add(args):
    return pulumi.ResourceTransformResult({**args.props, "added": args.name}, args.opts)
def older(args):
    return pulumi.ResourceTransformationResult({**args.props, "older": args.type_}, args.opts)
def protect(args):
    return pulumi.ResourceTransformResult(args.props, Opts.merge(args.opts, Opts(protect=True, ignore_changes=["x"])))
pulumi.runtime.register_stack_transform(add)
pulumi.runtime.register_stack_transformation(older)
a = R("a", {"x": 1}, Opts(transforms=[protect]))
g = Group("g", Opts(transforms=[protect]))
b = R("b", {"x": a.handle, "s": Output.secret("y"), "n": None}, Opts(parent=g))
'''),
            up('''
def drop(args):
    return pulumi.ResourceTransformResult({"only": args.props.get("x")}, args.opts)
def same(args):
    return None
a = R("a", {"x": 1}, Opts(transforms=[drop]))
b = R("b", {"x": a.handle}, Opts(transforms=[drop, same]))
R("c", {"x": 1, "y": b.token}, Opts(depends_on=[a], transforms=[same]))
'''),
            up('''
def broken(args):
    raise ValueError("no")
R("a", {"x": 1}, Opts(transforms=[broken]))
'''),
        ),
    ),
)  # fmt: skip
