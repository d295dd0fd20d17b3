"""The build backend: scikit-build-core, but for an editable install, which is a path to src/ and nothing more.

Its own comes with a finder that is asked before `sys.path`: with it PYTHONPATH could not name another checkout.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from scikit_build_core import build as cmake
from scikit_build_core.build import (
    build_sdist,
    build_wheel,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, "list[str] | str"]

SRC = Path(__file__).resolve().parents[1] / "src"


def build_editable(
    wheel_directory: str, config_settings: Settings | None = None, metadata_directory: str | None = None
) -> str:
    """The wheel of an editable install: what describes the package, and a path."""
    name = cmake.build_editable(wheel_directory, config_settings, metadata_directory)
    path = Path(wheel_directory) / name
    with zipfile.ZipFile(path) as made:
        held = {part: made.read(part) for part in made.namelist() if ".dist-info/" in part}
    record = next(part for part in held if part.endswith(".dist-info/RECORD"))
    del held[record]
    held["_highroad.pth"] = f"{SRC}\n".encode()
    lines = [f"{part},sha256={_digest(content)},{len(content)}" for part, content in held.items()]
    held[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as plain:
        for part, content in held.items():
            plain.writestr(part, content)
    return name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
