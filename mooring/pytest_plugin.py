"""The pytest plugin: a fixture that deploys a stack for a test and takes it down.

::

    def test_the_model_knows_a_setosa(mooring_stack):
        stack = mooring_stack("local")                     # or a mapping of settings
        reply = stack.endpoint("iris").predict([{"sepal_length": 5.1, …}])
        assert reply.predictions == ["setosa"]

Every pytest run of the environment loads this file, so it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
