"""The REST door: FastAPI under /v1, problem details, server-sent events, and the page at `/`.

Read `app` first, then `access` (who may do what), `problems` (what an error answers) and the nouns in `routes/`.
"""

from highroad.api.app import create_app
from highroad.api.sessions import SealedSessions, SessionCodes
from highroad.api.streams import close_streams, not_ready

__all__ = ["SealedSessions", "SessionCodes", "close_streams", "create_app", "not_ready"]
