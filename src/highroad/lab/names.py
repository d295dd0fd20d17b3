"""What things of a lab are called on the machine, so that two labs never meet and each is found again by its folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

RUN = Path("/run/highroad")
"""Where sockets and the record of processes are: short paths, gone after a restart of the machine."""

NAMESPACES = Path("/run/netns")

_ID_BYTES = 4
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class LabId:
    """Which lab: a few characters that stand for its folder."""

    text: str

    @property
    def run_folder(self) -> Path:
        """Its sockets and its record of processes."""
        return RUN / self.text

    @property
    def socket(self) -> Path:
        """Where its daemon answers."""
        return self.run_folder / "lab.sock"

    @property
    def prefix(self) -> str:
        """What the names of all its namespaces begin with."""
        return f"hr-{self.text}-"

    @property
    def wires(self) -> str:
        """The namespace that has the light: what joins the routers, where nobody but the lab looks."""
        return f"{self.prefix}wires"

    def router(self, site: str) -> str:
        """The namespace of a router."""
        return f"{self.prefix}r-{_plain(site)}"

    def host(self, port: str) -> str:
        """The namespace of the host at a customer's port."""
        return f"{self.prefix}h-{_plain(port)}"


def lab_id(folder: Path) -> LabId:
    """The lab that belongs to a folder, whether it is up or not."""
    return LabId(blake2b(str(folder.expanduser().resolve()).encode(), digest_size=_ID_BYTES).hexdigest())


def _plain(name: str) -> str:
    """A name that a file may have; one that had to be changed is told from others by a digest."""
    if re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST - 1}}}", name):
        return name
    kept = re.sub(r"[^A-Za-z0-9._-]", "-", name)[: _LONGEST - 9].lstrip("-.")
    return f"{kept}-{blake2b(name.encode(errors='surrogatepass'), digest_size=4).hexdigest()}"
