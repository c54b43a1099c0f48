"""The pytest plugin: a fixture that deploys a stack for a test and takes it down, and one that emulates AWS for it.

::

    def test_the_model_knows_a_setosa(mooring_stack):
        stack = mooring_stack("local")                     # or a mapping of settings
        reply = stack.endpoint("iris").predict([{"sepal_length": 5.1, …}])
        assert reply.predictions == ["setosa"]

    def test_my_own_script_trains(mooring_aws):
        boto3.client("s3").create_bucket(Bucket="data")    # the emulator's, wherever in the program it is called

Every pytest run of the environment loads this file, so it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mooring.emulators import Inside
    from mooring.testing import StackFactory


@pytest.fixture
def mooring_stack(request: pytest.FixtureRequest) -> Iterator[StackFactory]:
    """A function that deploys a stack on this machine; see `mooring.testing.StackFactory`.

    All stacks are destroyed after the test, whether it passed or not.
    """
    from mooring.testing import StackFactory

    factory = StackFactory(request.config.rootpath)
    try:
        yield factory
    finally:
        factory.close()


@pytest.fixture
def mooring_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """An emulator of AWS of the test's own, in a process of its own; see `mooring.emulators.Inside`.

    The test runs inside of it: its environment leads AWS's SDKs there, and away from any real account. Nothing is left.
    """
    import sys

    from mooring.emulators import private

    with private("aws") as inside:
        for name, value in inside.variables.items():
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        if "boto3" in sys.modules:  # its default session may know of another account
            monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
        yield inside
