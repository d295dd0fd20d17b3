"""`highroad webhook`, from adding one to removing it."""

from __future__ import annotations

import time

from tests.support.receiver import Receiver, status
from tests.unit.cli.conftest import Highroad


def test_webhooks_by_the_command_line(highroad: Highroad) -> None:
    with Receiver() as end, Receiver(lambda _: status(410, body=b"nobody here")) as gone:
        assert highroad("webhook", "list").out.strip() == "no webhooks"
        assert "would send" in highroad("webhook", "add", end.url, "--dry-run").out
        made = highroad("webhook", "add", end.url, "--kind", "highroad.freeze.*", "--from", "0", "--json").json
        assert made["secret"].startswith("whsec_")
        other = highroad("webhook", "add", gone.url, "--tenant", "acme", "--from", "beginning", "--json").json
        assert "delivered in" in highroad("webhook", "test", made["id"]).out
        failed = highroad("webhook", "test", other["id"])
        assert ("it answered 410" in failed.out, "nobody here" in failed.out) == (True, True)
        deadline = time.monotonic() + 60
        while highroad("webhook", "show", other["id"], "--json").json["webhook"]["state"] != "disabled":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shown = highroad("webhook", "show", other["id"]).out
        assert "disabled" in shown
        assert "410 Gone" in shown
        assert f"webhook {other['id']}: the endpoint answered 410 Gone" in highroad("status").out
        assert highroad("status", "--json").json["webhooks"][0]["id"] == other["id"]
        assert highroad("webhook", "replay", made["id"], "--after", "0", "--json").json["state"] == "active"
        assert highroad("webhook", "change", made["id"], "--description", "x", "--json").json["kinds"] != []
        assert highroad("webhook", "rotate", made["id"], "--overlap", "60", "--json").json["secret"] != made["secret"]
        assert highroad("webhook", "show", "whk-none").code == 4
        assert highroad("webhook", "add", "ftp://x").code == 2
        for one in (made, other):
            assert highroad("webhook", "remove", one["id"]).code == 0
        assert highroad("webhook", "list", "--json").json == []
