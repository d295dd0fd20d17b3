"""A service that was written before placements had branches and backups is read as it was meant."""

from __future__ import annotations

import json
from dataclasses import replace

from highroad.model.lifecycle import State
from highroad.model.network import LinkId
from highroad.model.service import Backup, Branch, Service
from highroad.planning.admission import Admitted, admit
from highroad.storage.codec import pack, unpack
from tests.support.country import request
from tests.unit.planning.ground import NOW_S, ground_of, keep


def service() -> Service:
    ground = ground_of()
    decision = admit(ground, request(), NOW_S)
    assert isinstance(decision, Admitted)
    return keep(ground, "s", decision)


def test_an_old_document_has_one_branch_and_no_backup() -> None:
    made = service()
    document = json.loads(pack(replace(made, state=State.ACTIVE)))
    for name in ("weight", "beside", "backup"):
        del document["placement"][name]
    read = unpack(json.dumps(document).encode(), Service)
    assert read == replace(made, state=State.ACTIVE)


def test_branches_and_a_backup_come_back_as_they_were() -> None:
    made = service()
    assert made.placement is not None
    links = (LinkId("west>south"),)
    placement = replace(
        made.placement,
        weight=3,
        beside=(Branch(there=links, back=links, weight=2),),
        backup=Backup(there=links, back=links),
    )
    wanted = replace(made, placement=placement, leaving=(placement,))
    assert unpack(pack(wanted), Service) == wanted
