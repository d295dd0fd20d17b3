"""Signing in at the page by way of a real provider: there and back, and everything that is not that."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from highroad.oidc.mapping import grants_of
from highroad.oidc.provider import OidcProvider, Trust
from highroad.oidc.signin import OidcSignIn
from tests.oidc.test_provider import GROUPS, HERE, _line
from tests.support.backbone import URL, backbone

BACK = f"{URL}/v1/session/openid/return"


@pytest.fixture(scope="module")
def provider() -> Iterator[dict[str, str]]:
    if shutil.which("node") is None or not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("needs node, and `make .make/oidc`")
    process = subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TTL_S": "60", "RETURN": BACK},
    )
    try:
        yield json.loads(_line(process))
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _known(said: dict[str, str], scope: str, **others: Any) -> dict[str, Any]:
    trust = Trust(issuer=said["issuer"], audience=said["audience"], groups=grants_of(GROUPS))
    identity = OidcProvider(trust)
    named: dict[str, Any] = {"client_id": "page", "secret": "page-secret"} | others
    return {"identity": identity, "sign_in": OidcSignIn(provider=identity, scope=scope, **named)}


async def _there(address: str) -> str:
    """Signs in at the provider as a browser does; where that sends one back to."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        for _ in range(6):
            answer = await browser.get(address)
            assert answer.status_code in (302, 303), answer.text
            address = str(httpx.URL(address).join(answer.headers["location"]))
            if address.startswith(BACK):
                return address
    raise AssertionError(f"never came back: {address}")


@pytest.mark.parametrize(
    ("scope", "role", "tenant"), [("openid net-ops", "operator", None), ("openid acme-admins", "admin", "acme")]
)
def test_one_goes_there_and_comes_back_signed_in(
    provider: dict[str, str], scope: str, role: str, tenant: str | None
) -> None:
    async def run() -> None:
        async with (
            backbone(options=_known(provider, scope)) as world,
            world.http() as page,
        ):
            assert (await page.get("/v1/session/ways")).json() == {"openid": True}
            sent = await page.get("/v1/session/openid")
            assert sent.status_code == 303
            kept = sent.headers["set-cookie"].lower()
            assert "httponly" in kept
            assert "samesite=lax" in kept
            asked = parse_qs(urlsplit(sent.headers["location"]).query)
            assert asked["code_challenge_method"] == ["S256"]
            # What the browser keeps is not what the provider is told.
            assert asked["code_challenge"][0] not in kept
            back = await page.get((await _there(sent.headers["location"])).removeprefix(URL))
            assert (back.status_code, back.headers["location"]) == (303, "/#signed-in")
            opened = [one.lower() for one in back.headers.get_list("set-cookie") if one.startswith("highroad_session")]
            assert len(opened) == 1
            assert "httponly" in opened[0]
            assert "samesite=strict" in opened[0]
            who = (await page.get("/v1/session")).json()
            assert (who["role"], who["tenant"]) == (role, tenant)

    asyncio.run(run())


def test_what_was_not_begun_here_opens_nothing(provider: dict[str, str]) -> None:
    async def run() -> None:
        async with backbone(options=_known(provider, "openid net-ops")) as world:
            async with world.http() as page:
                sent = await page.get("/v1/session/openid")
                back = (await _there(sent.headers["location"])).removeprefix(URL)
            # Another browser, which somebody gave the address to; and one that was sent on another errand.
            async with world.http() as other:
                for _ in range(2):
                    answer = await other.get(back)
                    assert answer.headers["location"] == "/#refused=unauthenticated"
                    assert (await other.get("/v1/session")).status_code == 401
                    await other.get("/v1/session/openid")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("scope", "others", "why"),
    [
        ("openid nobody", {}, "unauthenticated"),  # the provider says no
        ("openid", {}, "forbidden"),  # known there, and in no group that may do anything here
        ("openid net-ops", {"secret": "another"}, "unauthenticated"),
    ],
)
def test_who_is_refused_is_told_so_on_the_page(
    provider: dict[str, str], scope: str, others: dict[str, Any], why: str
) -> None:
    async def run() -> None:
        async with (
            backbone(options=_known(provider, scope, **others)) as world,
            world.http() as page,
        ):
            sent = await page.get("/v1/session/openid")
            back = await page.get((await _there(sent.headers["location"])).removeprefix(URL))
            assert back.headers["location"] == f"/#refused={why}"
            assert (await page.get("/v1/session")).status_code == 401

    asyncio.run(run())


def test_without_a_provider_there_is_nowhere_to_go() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page:
            assert (await page.get("/v1/session/ways")).json() == {"openid": False}
            for path in ("/v1/session/openid", "/v1/session/openid/return"):
                assert (await page.get(path)).status_code == 404

    asyncio.run(run())


def test_a_provider_that_is_away_is_said_to_be_so() -> None:
    async def run() -> None:
        said = {"issuer": "http://127.0.0.1:9", "audience": "x"}
        async with backbone(options=_known(said, "openid")) as world, world.http() as page:
            assert (await page.get("/v1/session/openid")).status_code == 503

    asyncio.run(run())
