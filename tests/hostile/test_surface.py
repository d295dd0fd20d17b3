"""Everything that the API's own document says can be asked, by an operator and a tenant: nothing is answered wrongly.

`python -m bench.hostile` asks for longer, and with other seeds.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil

import pytest
from pydantic import BaseModel

from highroad import wire
from highroad.api.links import LINKS
from highroad.api.openapi import describe
from tests.support.backbone import backbone
from tests.support.surface import ask, served

LEAST_CASES = 1000
"""An empty document would fail nothing."""


@pytest.mark.parametrize("who", ["operator", "acme"])
@pytest.mark.filterwarnings("ignore")  # of what asks, not of what answers
def test_nothing_that_can_be_asked_is_answered_wrongly(who: str) -> None:
    with served() as (url, world):
        asked = ask(url, getattr(world, who), examples=8)
    assert not asked.failures, "\n\n".join(f"{what}\n{told}" for what, told in asked.failures.items())
    assert asked.cases > LEAST_CASES


def test_what_follows_from_an_answer_is_there() -> None:
    async def run() -> None:
        async with backbone() as world:
            document = describe(world.app)
        operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
        for (operation, status), links in LINKS.items():
            assert status in operations[operation]["responses"], (operation, status)
            for name, (target, given) in links.items():
                places = {one["name"]: one["in"] for one in operations[target].get("parameters", ())}
                for parameter in given:
                    where, _, bare = parameter.rpartition(".")
                    assert bare in places, (operation, name, parameter)
                    assert where in ("", places[bare]), (operation, name, parameter)

    asyncio.run(run())


def test_no_two_schemas_have_one_name() -> None:
    """The document tells of each by its name: of two of one name it would tell of the wrong one."""
    found: dict[str, set[str]] = {}
    for module in pkgutil.iter_modules(wire.__path__, "highroad.wire."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if isinstance(one, type) and issubclass(one, BaseModel):
                found.setdefault(name, set()).add(one.__module__)
    assert found
    assert not {name: where for name, where in found.items() if len(where) > 1}
