"""The head of the audit log is logged at once and again and again, until the controller stops."""

from __future__ import annotations

import asyncio
import logging

from highroad.main.desks import _heads, log
from highroad.storage.store import SqlStore
from tests.support.stores import in_memory


class Heard(logging.Handler):
    """Counts what is logged, and says when it was thrice."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0
        self.loop = asyncio.get_running_loop()
        self.thrice = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        assert record.getMessage().startswith("the audit log has 0 rows, head ")
        self.count += 1
        if self.count == 3:
            self.loop.call_soon_threadsafe(self.thrice.set)


def test_the_head_is_logged_again_and_again_until_the_end() -> None:
    async def run(store: SqlStore) -> None:
        heard, level = Heard(), log.level
        log.addHandler(heard)
        log.setLevel(logging.INFO)
        try:
            async with asyncio.timeout(10), _heads(store, every_s=0.01):
                assert heard.count == 1
                await heard.thrice.wait()
            seen = heard.count
            await asyncio.sleep(0.05)
            assert heard.count <= seen + 1  # one may have been under way
        finally:
            log.removeHandler(heard)
            log.setLevel(level)

    store = in_memory()
    asyncio.run(run(store))
    store.close()
