"""Where Highroad keeps what belongs to a user: the home directory, and the credentials in it.

`highroad up` writes them there, and the CLI and the SDK find them: in $HIGHROAD_HOME, else in the nearest
`.highroad/` at or above the working directory, else in $XDG_STATE_HOME/highroad (~/.local/state/highroad).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from highroad.errors import Finding, Invalid

DEFAULT_URL = "http://127.0.0.1:8470"
CREDENTIALS = "credentials.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is known of a controller: where it is, and a token of each role."""

    url: str = DEFAULT_URL
    operator_token: str | None = None
    tenant_token: str | None = None
    tenant: str | None = None


def home_dir(environment: Mapping[str, str] | None = None, start: Path | None = None) -> Path:
    """The home directory, which need not exist yet."""
    variables = os.environ if environment is None else environment
    named = variables.get("HIGHROAD_HOME")
    if named:
        return Path(named).expanduser()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / ".highroad").is_dir():
            return folder / ".highroad"
    state = variables.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "highroad"


def read_credentials(home: Path | None = None) -> Credentials:
    """The credentials of a home, empty where there are none. Raises Invalid for a file that is none of ours."""
    path = (home or home_dir()) / CREDENTIALS
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Credentials()
    except (OSError, ValueError, RecursionError) as error:
        raise Invalid([Finding(code="credentials", place=str(path), message=f"cannot be read: {error}")]) from None
    if not isinstance(values, dict) or not all(isinstance(value, str | None) for value in values.values()):
        message = "is no credentials file: an object with url, operator_token, tenant_token and tenant"
        raise Invalid([Finding(code="credentials", place=str(path), message=message)])
    known = {name: values[name] for name in Credentials.__dataclass_fields__ if values.get(name) is not None}
    return Credentials(**known)


def write_credentials(credentials: Credentials, home: Path) -> Path:
    """Keep credentials in a home, readable by its owner only; the file is replaced whole or not at all."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / CREDENTIALS
    handle, name = tempfile.mkstemp(dir=home, prefix=".credentials-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(credentials), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
