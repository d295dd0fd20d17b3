"""OpenID Connect against a real provider, started on loopback: what is good, and everything that is not."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from highroad.errors import Forbidden, HighroadError, Invalid, Unauthenticated, Unavailable
from highroad.model.access import Grant, Role
from highroad.oidc import provider as provider_module
from highroad.oidc.mapping import grant_of, grants_of
from highroad.oidc.provider import OidcProvider, Trust
from tests.support.backbone import backbone

HERE = Path(__file__).parent
GROUPS = {
    "net-ops": "operator",
    "net-eng": "engineer",
    "acme-admins": "acme:admin",
    "acme-readers": "acme:viewer",
    "rival-members": "rival:member",
}


@dataclass(slots=True)
class Running:
    """The provider's process."""

    issuer: str
    audience: str
    process: subprocess.Popen[str]

    def tell(self, word: str) -> None:
        """Have it do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert json.loads(_line(self.process)) == {"done": word}

    def token(self, groups: str, algorithm: str = "RS256", audience: str | None = None) -> str:
        """An access token of it, a JWT."""
        asked = {"grant_type": "client_credentials", "scope": groups, "resource": audience or self.audience}
        answer = httpx.post(f"{self.issuer}/token", data=asked, auth=(algorithm, "secret"), trust_env=False)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def trust(self, **others: Any) -> Trust:
        """As `highroad up` would."""
        known: dict[str, Any] = {"issuer": self.issuer, "audience": self.audience, "groups": grants_of(GROUPS)}
        return Trust(**(known | others))


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith("{"):
            return line
    raise AssertionError("the provider has ended")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    if shutil.which("node") is None or not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("needs node, and `make .make/oidc`")
    process = subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TTL_S": "60"},
    )
    try:
        said = json.loads(_line(process))
        yield Running(said["issuer"], said["audience"], process)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _who(trust: Trust, *tokens: str) -> list[object]:
    async def run() -> list[object]:
        one = OidcProvider(trust)
        found: list[object] = []
        for token in tokens:
            try:
                found.append((await one.who(token)).grant)
            except HighroadError as error:
                found.append(type(error))
        return found

    return asyncio.run(run())


def test_its_tokens_are_good_at_the_api_and_end(running: Running) -> None:
    async def run() -> None:
        identity = OidcProvider(running.trust())
        async with backbone(options={"identity": identity}) as world:
            for groups, role, tenant in (
                ("net-ops", "operator", None),
                ("net-eng", "engineer", None),
                ("acme-admins acme-readers", "admin", "acme"),
                ("acme-readers", "viewer", "acme"),
                ("nobody net-eng", "engineer", None),
            ):
                for algorithm in ("RS256", "ES256"):
                    token = await asyncio.to_thread(running.token, groups, algorithm)
                    async with world.http(token) as http:
                        who = (await http.get("/v1/session")).json()
                        assert (who["role"], who["tenant"]) == (role, tenant)
            token = running.token("net-ops")
            async with world.http(token) as page:
                signed = await page.post("/v1/session", json={"token": token})
                assert signed.status_code == 200
            async with world.http(running.token("acme-admins")) as admin:
                made = await admin.post("/v1/tokens", json={"role": "viewer"})
                assert (made.status_code, made.json()["tenant"], made.json()["issued_by"]) == (
                    201,
                    "acme",
                    "oidc:RS256",
                )
                order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 1}
                assert (await admin.post("/v1/services", json=order)).status_code == 201
                last = (await admin.get("/v1/audit?limit=1000")).json()["items"][-1]
                assert (last["what"], last["who"], last["role"]) == ("PlaceOrder", "oidc:RS256", "admin")
            async with world.http(running.token("nobody")) as nobody:
                assert (await nobody.get("/v1/session")).status_code == 403
            async with world.http(running.token("rival-members")) as member:
                assert (await member.get("/v1/tokens")).status_code == 403
            async with world.http(world.operator) as ours:
                assert (await ours.get("/v1/session")).status_code == 200

    asyncio.run(run())


def test_groups_of_several_tenants_are_of_none(running: Running) -> None:
    token = running.token("acme-admins rival-members")
    assert _who(running.trust(), token) == [Forbidden]


def test_what_was_made_for_others_or_by_others_is_refused(running: Running) -> None:
    token = running.token("net-ops")
    assert _who(running.trust(audience="highroad"), token) == [Unauthenticated]
    assert _who(running.trust(issuer=f"{running.issuer}/"), token) == [Unavailable]
    assert _who(running.trust(issuer="http://127.0.0.1:9"), token) == [Unavailable]
    assert _who(running.trust(), token) == [Grant(role=Role.OPERATOR)]


def _forged(running: Running, token: str) -> dict[str, str]:
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    kid = header["kid"]
    head, body, signature = token.split(".")
    keys = httpx.get(f"{running.issuer}/jwks", trust_env=False).json()["keys"]
    public = jwt.PyJWK(next(one for one in keys if one["kid"] == kid)).key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value: object) -> str:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def hmac_of(key: bytes) -> str:
        import hashlib
        import hmac

        signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{body}"
        return f"{signed}.{part(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"

    from cryptography.hazmat.primitives.asymmetric import rsa

    mine = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    more = claims | {"groups": ["net-ops"]}
    own_key = {"kid": kid, "jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(mine.public_key()))}
    return {
        "none": f"{part({'alg': 'none', 'kid': kid})}.{body}.",
        "None": f"{part({'alg': 'NONE', 'kid': kid})}.{body}.",
        "an HMAC with the public key": hmac_of(pem),
        "another payload": f"{head}.{part(more)}.{signature}",
        "a key of mine": jwt.encode(claims, mine, algorithm="RS256", headers={"kid": kid}),
        "a key of mine in the header": jwt.encode(claims, mine, algorithm="RS256", headers=own_key),
        "a key that is not published": jwt.encode(claims, mine, algorithm="RS256", headers={"kid": "mine"}),
        "another algorithm of the same key": f"{part(header | {'alg': 'PS256'})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "no JWT": "a.b.c",
        "empty": "..",
        "not JSON": f"{part(b'x')}.{body}.{signature}",
        "a number for a key": f"{part({'alg': 'RS256', 'kid': 7})}.{body}.{signature}",
    }


def test_what_is_forged_is_refused(running: Running) -> None:
    token = running.token("acme-readers")
    forged = _forged(running, token)
    assert dict(zip(forged, _who(running.trust(), *forged.values()), strict=True)) == dict.fromkeys(
        forged, Unauthenticated
    )


def test_what_has_ended_or_not_begun_is_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from jwt import api_jwt

    token = running.token("net-ops")
    for later_s, right in ((0, True), (80, True), (100, False)):

        class Later(datetime):
            by = timedelta(seconds=later_s)

            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz or UTC) + cls.by

        monkeypatch.setattr(api_jwt, "datetime", Later)
        assert (_who(running.trust(), token) == [Grant(role=Role.OPERATOR)]) == right, later_s


def test_keys_may_be_rotated_and_are_not_asked_for_without_end(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    asking = provider_module._json

    async def counted(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return await asking(*args)

    monkeypatch.setattr(provider_module, "_json", counted)
    monkeypatch.setattr(provider_module, "PAUSE_S", 0.3)

    async def run() -> None:
        one = OidcProvider(running.trust())
        before = running.token("net-ops")
        assert (await one.who(before)).grant.role is Role.OPERATOR
        assert asked == 2
        running.tell("rotate")
        await asyncio.sleep(0.4)
        after = running.token("net-ops")
        assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
        assert (await one.who(after)).grant.role is Role.OPERATOR
        assert (await one.who(before)).grant.role is Role.OPERATOR
        assert asked == 4
        running.tell("forget")
        await asyncio.sleep(0.4)
        forged = jwt.encode({"sub": "x"}, "k" * 32, algorithm="HS256", headers={"kid": "x"})
        unknown = forged.replace(forged.split(".")[0], base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"x"}').decode())
        for _ in range(20):
            with pytest.raises(Unauthenticated):
                await one.who(unknown)
        assert asked == 6
        with pytest.raises(Unauthenticated):
            await one.who(before)

    asyncio.run(run())


def test_groups_are_said_or_refused_all_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        grants_of({"a": "root", "b": "acme:operator", "c": "viewer", "d": "acme:viewer"})
    assert [one.place for one in caught.value.findings] == ["oidc_groups[a]", "oidc_groups[b]", "oidc_groups[c]"]
    table = grants_of({"x": "operator", "y": "acme:viewer"})
    assert grant_of({"a": {"roles": ["y", "z"]}}, "a.roles", table) == Grant(role=Role.VIEWER, tenant="acme")
    assert grant_of({"groups": "x"}, "groups", table).role is Role.OPERATOR
    for claims in ({}, {"groups": 7}, {"groups": [["x"]]}, {"groups": {"x": 1}}):
        with pytest.raises(Forbidden):
            grant_of(claims, "groups", table)
    with pytest.raises(Invalid):
        Trust(issuer="http://id.example.com", audience="a", groups=table)
