"""Steps: create, update, replace in both orders, delete, read, refresh, import."""

from __future__ import annotations

from scenario import Scenario, Step, destroy, preview, refresh, up

CHAIN = """
a = R("a", {"x": %s, "fixed": %s, "first": %s})
b = R("b", {"from": a.handle})
c = R("c", {"y": 1}, Opts(depends_on=[b]))
pulumi.export("handle", b.handle)
"""
CREATED = CHAIN % (1, 1, False)
DEPENDENT = """
a = R("a", {"fixed": %s, "first": True})
b = R("b", {"fixed": a.handle})
c = R("c", {"x": a.handle})
d = R("d", {"fixed": b.handle})
e = R("e", {"x": 1}, Opts(depends_on=[a]))
"""

SCENARIOS = (
    Scenario("nothing", (up("pass"), preview("pass"), destroy())),
    Scenario(
        "create-update-delete",
        (
            preview(CREATED),
            up(CREATED),
            up(CREATED),
            preview(CHAIN % (2, 1, False)),
            up(CHAIN % (2, 1, False)),
            preview('R("b", {"from": "here"})'),
            up('R("b", {"from": "here"})'),
            destroy(),
        ),
    ),
    Scenario(
        "replace-create-first",
        (up(CREATED), preview(CHAIN % (1, 2, False)), up(CHAIN % (1, 2, False)), up(CHAIN % (1, 2, False)), destroy()),
    ),
    Scenario(
        "replace-delete-first",
        (up(DEPENDENT % 1), preview(DEPENDENT % 2), up(DEPENDENT % 2), up(DEPENDENT % 2), destroy()),
    ),
    Scenario(
        "delete-before-replace-option",
        (
            up('R("a", {"fixed": 1}, Opts(delete_before_replace=True))'),
            up('R("a", {"fixed": 2}, Opts(delete_before_replace=True))'),
            up('R("a", {"fixed": 3, "first": True}, Opts(delete_before_replace=False))'),
        ),
    ),
    Scenario(
        "get",
        (
            up('R("a", {"x": 1})'),
            up('a = R("a", {"x": 1})\nb = R.get("b", "a-1")\npulumi.export("x", b.handle)'),
            preview('a = R("a", {"x": 1})\nb = R.get("b", a.id)\nR("c", {"x": b.token})'),
            up('a = R("a", {"x": 1})\nb = R.get("b", a.id)\nR("c", {"x": b.token})'),
            up('a = R("a", {"x": 1})\nb = R("b", {"x": 2})\nR("c", {"x": b.token})'),
            up('a = R("a", {"x": 1})\nb = R.get("b", "a-1")\nR("c", {"x": b.token})'),
            up('R.get("b", "missing")'),
            refresh(),
            destroy(),
        ),
    ),
    Scenario(
        "get-unknown",
        (
            preview('a = R("a", {"x": 1})\nb = R.get("b", a.id)\nR("c", {"x": b.token})'),
            up('a = R("a", {"x": 1})\nb = R.get("b", a.id)\nR("c", {"x": b.token})'),
            destroy(),
        ),
    ),
    Scenario(
        "drift",
        (
            up('a = R("a", {"x": 1})\nb = R("b", {"x": a.token})\nR("c", {"x": 1}, Opts(depends_on=[b]))'),
            refresh(),
            refresh(world=lambda p: p.world["a-1"].update(x=5)),
            up('a = R("a", {"x": 1})\nb = R("b", {"x": a.token})\nR("c", {"x": 1}, Opts(depends_on=[b]))'),
            refresh(world=lambda p: p.world.pop("b-1") and None),
            up('a = R("a", {"x": 1})\nb = R("b", {"x": a.token})\nR("c", {"x": 1}, Opts(depends_on=[b]))'),
            up(
                'a = R("a", {"x": 1})\nb = R("b", {"x": a.token})\nR("c", {"x": 1}, Opts(depends_on=[b]))',
                refresh=True,
                world=lambda p: p.world.pop("c-1") and None,
            ),
            destroy(refresh=True, world=lambda p: p.world.pop("a-1") and None),
        ),
    ),
    Scenario(
        "refresh-unhealthy",
        (
            up('R("a", {"x": 1})'),
            refresh(world=lambda p: p.world["a-1"].update(partial="read")),
            up('R("a", {"x": 1})', world=lambda p: p.world["a-1"].pop("partial") and None),
        ),
    ),
    Scenario(
        "import-option",
        (
            up('R("a", {"x": 1, "list": [1, 2]})'),
            preview('R("a", {"x": 1, "list": [1, 2]})\nR("b", {"x": 1, "list": [1, 2]}, Opts(import_="a-1"))'),
            up('R("a", {"x": 1, "list": [1, 2]})\nR("b", {"x": 1, "list": [1, 2]}, Opts(import_="a-1"))'),
            up('R("b", {"x": 1, "list": [1, 2]}, Opts(import_="a-1"))'),
            up('R("b", {"x": 1, "list": [1, 2]})'),
            destroy(),
        ),
    ),
    Scenario(
        "import-differs",
        (
            up('R("a", {"x": 1, "fixed": 1})'),
            up('R("b", {"x": 2, "fixed": 1}, Opts(import_="a-1"))'),
            up('R("b", {"x": 2, "fixed": 2}, Opts(import_="a-1"))'),
            up('R("b", {"x": 2, "fixed": 2})'),
            up('R("c", {"x": 2}, Opts(import_="nothing"))'),
        ),
    ),
    Scenario(
        "import-verb",
        (
            up('R("a", {"x": 1})'),
            Step("import", arguments=("twin:index:R", "b", "a-1")),
            up('R("a", {"x": 1})\nR("b", {"x": 1}, Opts(protect=True))'),
            Step("import", arguments=("twin:index:R", "c", "nothing")),
            up('R("b", {"x": 1})'),
        ),
    ),
    Scenario(
        "prints", (up('print("hello")\npulumi.log.info("there")\npulumi.log.warn("careful")\nR("a")'),)
    ),
    Scenario(
        "stops-being-custom",
        (up('Group("a", type="twin:index:R")'), up('R("a", {"x": 1})'), up('Group("a", type="twin:index:R")')),
    ),
    Scenario(
        "stops-being-component-child",
        (
            up('g = Group("g")\nR("a", {"x": 1}, Opts(parent=g))'),
            up('g = Group("g")\nR("a", {"x": 1})'),
            up('R("a", {"x": 1})'),
        ),
    ),
)  # fmt: skip
