# ruff: noqa: E501 - a program that is one thing to look at stays on one line
"""Failures, targets, and odd programs."""

from __future__ import annotations

from scenario import Scenario, destroy, preview, refresh, up

TWO = 'a = R("a", {"x": %s})\nb = R("b", {"x": a.handle})\nR("c", {"x": %s})'

SCENARIOS = (
    Scenario(
        "create-fails",
        (
            up('a = R("a", {"fail": "create"})\nR("b", {"x": a.handle})\npulumi.export("x", a.handle)'),
            up('a = R("a", {})\nR("b", {"x": a.handle})\npulumi.export("x", a.handle)'),
        ),
    ),
    Scenario(
        "update-fails",
        (
            up('a = R("a", {"x": 1})\nR("b", {"x": a.handle})\npulumi.export("x", a.handle)'),
            up('a = R("a", {"x": 2, "fail": "update"})\nR("b", {"x": a.handle})\npulumi.export("x", a.handle)'),
            up('a = R("a", {"x": 3})\nR("b", {"x": a.handle})'),
        ),
    ),
    Scenario(
        "delete-fails",
        (
            up('a = R("a", {"fail": "delete"})\nR("b", {"x": a.handle})'),
            up("pass"),
            destroy(),
            up('a = R("a", {"fail": "delete", "fixed": 2})\nR("b", {"x": a.handle})'),
            up('a = R("a", {"fixed": 3})\nR("b", {"x": a.handle})'),
        ),
    ),
    Scenario(
        "delete-before-replace-fails",
        (
            up('R("a", {"fail": "delete", "fixed": 1, "first": True})'),
            up('R("a", {"fail": "delete", "fixed": 2, "first": True})'),
            up('R("a", {"fixed": 2, "first": True})', world=lambda p: None),
        ),
    ),
    Scenario(
        "create-after-delete-fails",
        (
            up('a = R("a", {"fixed": 1, "first": True})\nR("b", {"fixed": a.handle})'),
            up('a = R("a", {"fixed": 2, "first": True, "fail": "create"})\nR("b", {"fixed": a.handle})'),
            preview('a = R("a", {"fixed": 2, "first": True})\nR("b", {"fixed": a.handle})'),
            up('a = R("a", {"fixed": 2, "first": True})\nR("b", {"fixed": a.handle})'),
        ),
    ),
    Scenario(
        "create-after-delete-fails-forgotten",
        (
            up('a = R("a", {"fixed": 1, "first": True})'),
            up('a = R("a", {"fixed": 2, "first": True, "fail": "create"})'),
            refresh(),
            up("pass"),
        ),
    ),
    Scenario(
        "partial-create",
        (
            up('a = R("a", {"x": 1, "partial": "create"})\nR("b", {"x": a.handle})'),
            up('a = R("a", {"x": 1, "partial": "create"})\nR("b", {"x": 1})'),
            up('a = R("a", {"x": 1})\nR("b", {"x": 1})'),
            up('a = R("a", {"x": 2, "partial": "update"})\nR("b", {"x": 1})'),
            up('a = R("a", {"x": 2, "partial": "update"}, Opts(replace_on_changes=["#initerror"]))\nR("b", {"x": 1})'),
            up('a = R("a", {"fixed": 2, "partial": "create"})\nR("b", {"x": 1})'),
            destroy(),
        ),
    ),
    Scenario(
        "check-fails",
        (
            up('R("a", {"bad": 1})'),
            preview('R("a", {"x": 1})'),
            up('R("a", {"x": 1})'),
            up('R("a", {"bad": 1})'),
        ),
    ),
    Scenario(
        "check-fills",
        (
            up('R("a", {"auto": 1, "fixed": 1})'),
            up('R("a", {"auto": 2, "fixed": 1})'),
            up('R("a", {"auto": 2, "fixed": 2})'),
            up('R("a", {"auto": 3, "fixed": 2}, Opts(ignore_changes=["auto", "filled"]))'),
            up('R("a", {"auto": 4, "fixed": 3}, Opts(ignore_changes=["auto", "filled"]))'),
        ),
    ),
    Scenario("diff-fails", (up('R("a", {"x": 1})'), up('R("a", {"x": 2, "fail": "diff"})'))),
    Scenario(
        "program-raises",
        (
            up('R("a", {"x": 1})\nraise ValueError("no")'),
            up('a = R("a", {"x": 1})\nR("b", {"x": a.handle.apply(lambda h: 1 / 0)})\npulumi.export("x", 1)'),
            up('a = R("a", {"x": 1})\npulumi.export("x", a.handle.apply(lambda h: 1 / 0))'),
            up('import sys\nR("a", {"x": 1})\nsys.exit(3)'),
            up('import sys\nR("a", {"x": 1})\nsys.exit(0)'),
            up('R("a", {"x": 1}'),
            up('raise pulumi.RunError("told")'),
            up('pulumi.export("x", 1)\npulumi.log.error("bad")'),
            up('R("a", {"x": object()})'),
        ),
    ),
    Scenario(
        "outputs-kept-after-failure",
        (
            up('a = R("a", {"x": 1})\npulumi.export("x", 1)\npulumi.export("y", 1)'),
            up('pulumi.export("x", 2)\na = R("a", {"x": 2, "fail": "update"})\npulumi.export("z", 2)'),
            up('pulumi.export("z", 2)'),
        ),
    ),
    Scenario("bad-type", (up('pulumi.CustomResource("nocolons", "a", {})'), up('pulumi.CustomResource("twin:X", "a", {})'))),
    Scenario(
        "targets",
        (
            up(TWO % (1, 1)),
            preview(TWO % (2, 2), targets=("a",)),
            up(TWO % (2, 2), targets=("a",)),
            up(TWO % (3, 3), targets=("**::b",)),
            up(TWO % (3, 3) + '\nR("d", {})', targets=("d",)),
            up('R("e", {"fixed": 1})', targets=("e", "b")),
            up('R("c", {"x": 9})', targets=("c",), target_dependents=True),
            up(TWO % (5, 5), targets=("a",), target_dependents=True),
            destroy(targets=("a",), target_dependents=True),
            destroy(targets=("c",)),
            up(TWO % (6, 6), targets=("nothing",)),
        ),
    ),
    Scenario(
        "target-replaced",
        (
            up('a = R("a", {"fixed": 1, "first": True})\nb = R("b", {"fixed": a.handle})\nR("c", {"x": 1})'),
            up('a = R("a", {"fixed": 2, "first": True})\nb = R("b", {"fixed": a.handle})\nR("c", {"x": 2})', targets=("a",)),
            up('a = R("a", {"fixed": 2, "first": True})\nb = R("b", {"fixed": a.handle})\nR("c", {"x": 2})', targets=("a", "b")),
        ),
    ),
    Scenario(
        "replace-asked",
        (
            up(TWO % (1, 1)),
            preview(TWO % (1, 1), replace=("a",)),
            up(TWO % (1, 1), replace=("a",)),
            up(TWO % (2, 1), replace=("a", "c")),
            up(TWO % (2, 1), replace=("**::b",)),
            up(TWO % (2, 1), replace=("b",), targets=("b",)),
        ),
    ),
    Scenario(
        "refresh-targets",
        (
            up(TWO % (1, 1)),
            refresh(targets=("a",), world=lambda p: [w.update(x=7) for w in p.world.values()] and None),
            refresh(targets=("a",), target_dependents=True),
            up(TWO % (1, 1), refresh=True, targets=("c",)),
        ),
    ),
    Scenario(
        "component-children-replaced",
        (
            up('g = Group("g")\na = R("a", {"fixed": 1, "first": True}, Opts(parent=g))\nh = Group("h", Opts(depends_on=[a]))\nR("b", {"x": 1}, Opts(parent=h))\nR("c", {"fixed": a.handle}, Opts(parent=h))'),
            up('g = Group("g")\na = R("a", {"fixed": 2, "first": True}, Opts(parent=g))\nh = Group("h", Opts(depends_on=[a]))\nR("b", {"x": 1}, Opts(parent=h))\nR("c", {"fixed": a.handle}, Opts(parent=h))'),
            destroy(targets=("h",)),
            destroy(targets=("h",), target_dependents=True),
        ),
    ),
    Scenario(
        "unreferenced-parent",
        (up('R("a", {}, Opts(parent=R("b", {})))'), up('R("b", {})'), up('R("a", {}, Opts(parent=R("b", {}), deleted_with=R("z")))'), destroy()),
    ),
    Scenario(
        "outputs-after-a-failed-delete",
        (
            up('a = R("a", {"x": 1}, Opts(protect=True))\nb = R("b")\npulumi.export("x", a.handle)\npulumi.export("y", b.handle)'),
            up('b = R("b")\npulumi.export("y", "new")'),
            up('b = R("b")\npulumi.export("z", b.token)'),
        ),
    ),
    Scenario(
        "targets-and-what-is-gone",
        (
            up('a = R("a", {"x": 1})\nb = R("b", {"x": a.handle})\nc = R("c", {"x": 1})'),
            up('a = R("a", {"x": 1})\nc = R("c", {"x": 1})', targets=("a",)),
            up('a = R("a", {"x": 1})', targets=("a",), target_dependents=True),
            up('a2 = R("a2", {"x": 1}, Opts(aliases=[Alias(name="a")]))', replace=("a2",)),
            destroy(),
        ),
    ),
    Scenario(
        "what-is-left-out-keeps-what-it-rests-on",
        (
            up('e = R("e", {"x": 2})\nf = R("f", {"x": 1}, Opts(depends_on=[e]))\nd = R("d", {"x": f.handle})'),
            up('e = R("e", {"x": 3})\nf = R("f2", {"x": 1}, Opts(depends_on=[e]))\nd = R("d", {"x": f.handle})', targets=("e",)),
            up('e = R("e", {"x": 3})\nf = R("f2", {"x": 1}, Opts(depends_on=[e]))\nd = R("d", {"x": f.handle})'),
        ),
    ),
    Scenario(
        "deleted-first-and-not-made-again",
        (
            up('g = Group("g")\nc = R("c", {"x": 3}, Opts(delete_before_replace=True))\ne = R("e", {"x": 2, "fixed": c.handle}, Opts(parent=g))\nf = R("f", {"x": e.handle})'),
            preview('g = Group("g")\nc = R("c", {"x": 3, "fixed": 4}, Opts(delete_before_replace=True))'),
            up('g = Group("g")\nc = R("c", {"x": 3, "fixed": 4}, Opts(delete_before_replace=True))'),
            up('g = Group("g")\nc = R("c", {"x": 3, "fixed": 4}, Opts(delete_before_replace=True))'),
        ),
    ),
    Scenario(
        "many",
        (up('for i in range(220):\n    R(f"r{i}", {"x": i})'), up('for i in range(0, 220, 2):\n    R(f"r{i}", {"x": i + i % 4})'), destroy()),
    ),
)  # fmt: skip
