"""Places that owners share: one that fills its share keeps nobody else waiting."""

from __future__ import annotations

import asyncio

from highroad.control.places import Places


def test_no_owner_takes_more_than_its_share_and_all_together_no_more_than_there_are() -> None:
    async def run() -> None:
        places = Places(5, 2)
        inside: list[str] = []
        go = asyncio.Event()

        async def take(owner: str) -> None:
            async with places.taken(owner):
                inside.append(owner)
                await go.wait()

        tasks = [asyncio.create_task(take(owner)) for owner in "aaaaaabbbbc"]
        await asyncio.sleep(0.01)
        assert sorted(inside) == ["a", "a", "b", "b", "c"]
        late = asyncio.create_task(take("d"))
        await asyncio.sleep(0.01)
        assert "d" not in inside
        tasks[0].cancel()
        await asyncio.sleep(0.01)
        assert inside[-1] == "d"
        go.set()
        await asyncio.gather(*tasks[1:], late)
        assert sorted(inside) == sorted("aaaaaabbbbcd")
        assert not places._own

    asyncio.run(run())
