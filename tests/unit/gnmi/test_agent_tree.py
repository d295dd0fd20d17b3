"""What a whole agent tells, held against the published module and OpenConfig's tables, by their judges."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path as File
from typing import Any

import pytest

from highroad.gnmi.check import check
from highroad.gnmi.schema import TREE
from tests.unit.agent.rig import Rig
from tests.unit.agent.running import in_loop
from tests.unit.gnmi.test_schema import MODULE, YANGLINT, needs_yanglint

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"), needs_yanglint]


@in_loop
async def told_by_an_agent(folder: File, into: dict[str, Any]) -> None:
    with Rig(folder) as rig:
        rig.hosts()
        rig.start()
        await rig.tell(rig.ends())
        [(_, tree)] = await rig.client("a").get("/")
        into.update(tree)
        assert len(await rig.client("a").once("/router/state")) > 50
        await rig.close()


def test_what_an_agent_tells_is_an_instance_of_its_modules(tmp_path: File) -> None:
    tree: dict[str, Any] = {}
    told_by_an_agent(tmp_path, tree)
    findings = [one for name, content in tree.items() for one in check(content, TREE.members[name.split(":")[1]], name)]
    assert [str(one) for one in findings if one.code != "state"] == []
    file = tmp_path / "router.json"
    ours = {name: content for name, content in tree.items() if name.startswith("highroad-router:")}
    assert ours
    file.write_text(json.dumps(ours))
    command = [str(YANGLINT), "--type", "data", str(MODULE), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
