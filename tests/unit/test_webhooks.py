"""Signatures: ours, against the reference implementation of Standard Webhooks."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from highroad.courier.addresses import networks_of
from highroad.courier.https import HttpsCourier
from highroad.webhooks import SignatureInvalid, sign, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byt").decode()
BODY = json.dumps({"id": "evt-acme-1", "text": "ü"}, ensure_ascii=False).encode()


def test_what_we_sign_the_reference_accepts_and_the_other_way_round() -> None:
    now_s = int(time.time())
    ours = sign("evt-acme-1", now_s, BODY, [SECRET])
    assert Webhook(SECRET).verify(BODY, ours) == json.loads(BODY)
    theirs = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(now_s),
        "Webhook-Signature": Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(now_s, UTC), BODY.decode()),
    }
    assert verify(theirs, BODY, SECRET) == json.loads(BODY)
    both = sign("evt-acme-1", now_s, BODY, [OTHER, SECRET])
    assert Webhook(SECRET).verify(BODY, both) == Webhook(OTHER).verify(BODY, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, ours)


def test_what_is_not_ours_is_not_trusted() -> None:
    good = sign("evt-1", 1000, BODY, [SECRET])
    assert verify(good, BODY.decode(), [OTHER, SECRET], now_s=1200.0)["id"] == "evt-acme-1"
    for headers, body, secret, now_s in (
        (good, BODY + b" ", SECRET, 1000.0),
        (good, BODY, OTHER, 1000.0),
        (good, BODY, SECRET, 1301.0),
        (good, BODY, SECRET, 699.0),
        (good | {"webhook-id": "evt-2"}, BODY, SECRET, 1000.0),
        (good | {"webhook-timestamp": "1001"}, BODY, SECRET, 1000.0),
        (good | {"webhook-timestamp": "soon"}, BODY, SECRET, 1000.0),
        (good | {"webhook-signature": "v1,"}, BODY, SECRET, 1000.0),
        (good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")}, BODY, SECRET, 1000.0),
        ({}, BODY, SECRET, 1000.0),
        (good, BODY, "whsec_not base64!", 1000.0),
        (sign("evt-1", 1000, b"[]", [SECRET]), b"[]", SECRET, 1000.0),
    ):
        with pytest.raises(SignatureInvalid):
            verify(headers, body, secret, now_s=now_s)


def test_the_receiver_of_the_docs_receives() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-c", block], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    body = json.dumps(
        {"id": "evt-acme-9", "sequence": 9, "type": "highroad.service.active", "subject": "svc-x"}
    ).encode()

    async def run() -> list[int | None]:
        courier = HttpsCourier(networks_of("127.0.0.0/8"))
        url = f"http://127.0.0.1:{port}/"
        good = sign("evt-acme-9", int(time.time()), body, [SECRET])
        deadline = time.monotonic() + 60
        while not (first := await courier.send(url, good, body, tenant=False)).delivered:
            assert time.monotonic() < deadline, first.error
            await asyncio.sleep(0.05)
        again = await courier.send(url, good, body, tenant=False)
        forged = await courier.send(url, sign("evt-acme-9", int(time.time()), body, [OTHER]), body, tenant=False)
        await courier.aclose()
        return [first.status, again.status, forged.status]

    try:
        assert asyncio.run(run()) == [204, 204, 401]
    finally:
        process.kill()
        out, _ = process.communicate()
    assert out == "9 highroad.service.active svc-x\n"
