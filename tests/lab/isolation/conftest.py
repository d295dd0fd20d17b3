"""One ground for the whole folder: four routers, three tenants, and ears everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.isolation.ground import Ground, ground
from tests.lab.isolation.matrix import Matrix
from tests.lab.isolation.watch import Watch, watching


@pytest.fixture(scope="package")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Routers that carry, with tenants on them."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with ground(tmp_path_factory.mktemp("isolation")) as made:
        made.unhurried()
        yield made


@pytest.fixture(scope="package")
def matrix(field: Ground) -> Matrix:
    """All cells of all ends."""
    made = Matrix(field)
    for end in field.ends.values():
        made.all_of(end)
    return made


@pytest.fixture(scope="package")
def ears(field: Ground) -> Iterator[Watch]:
    """Open once: each test takes what was seen since the one before."""
    with watching(field) as made:
        yield made


@pytest.fixture
def watch(field: Ground, ears: Watch) -> Watch:
    """Nothing seen yet, and nothing on its way: what a test before this one left in queues is through."""
    field.unhurried()
    ears.settle(longest_s=8.0)
    return ears
