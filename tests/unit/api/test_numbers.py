"""Numbers in queries: their digits, and nothing else that Python reads as a number."""

from __future__ import annotations

import asyncio
import itertools

from tests.support.backbone import backbone

CAPACITY = "/v1/capacity?from=campus-east&to=cloud-west&"


GIVEN = ("1_0", "%2B10", "%2010", "10%20", "10.0", "1e1", "0x0a", "%EF%BC%91")
PATHS = {
    "/v1/events?after=": "after",
    "/v1/events?limit=": "limit",
    "/v1/services?limit=": "limit",
    "/v1/services/svc-none/explanation?at=": "at",
    CAPACITY + "hours=": "hours",
    CAPACITY + "max_paths=": "max_paths",
}


def test_a_whole_number_is_digits() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            for path, given in itertools.product(PATHS, GIVEN):
                answer = await http.get(path + given)
                findings = [(one["place"], one["message"]) for one in answer.json()["findings"]]
                assert (answer.status_code, findings) == (422, [(PATHS[path], "has to be a whole number")]), path

    asyncio.run(run())


def test_what_is_one_is_taken_and_its_bounds_are_told() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            assert (await http.get("/v1/events?after=0010&limit=10")).status_code == 200
            paths = (await http.get("/v1/openapi.json")).json()["paths"]
            (limit,) = (one["schema"] for one in paths["/v1/events"]["get"]["parameters"] if one["name"] == "limit")
            assert (limit["type"], limit["minimum"], limit["maximum"]) == ("integer", 1, 1000)
            (finding,) = (await http.get("/v1/events?after=-1")).json()["findings"]
            assert (finding["place"], "at least 0" in finding["message"]) == ("after", True), finding
            for given in ("1_0", "%2B1", "nan", "inf", "1_0.5"):
                (finding,) = (await http.get(CAPACITY + "latency_bound_ms=" + given)).json()["findings"]
                assert finding["message"] == "has to be a number"
            assert (await http.get(CAPACITY + "latency_bound_ms=1e2&hours=2")).status_code == 200

    asyncio.run(run())
