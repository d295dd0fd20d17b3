"""What the environment says: every `HIGHROAD_*` variable that a controller reads, with its default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PORT = 8470


class Settings(BaseSettings):
    """Of a controller. The command line overrides the environment, the environment these defaults."""

    model_config = SettingsConfigDict(env_prefix="HIGHROAD_", extra="ignore")

    home: Path | None = Field(default=None, description="Where the store, the fabric's memory and the credentials are.")
    host: str = Field(default="127.0.0.1", description="The address that the API and the page listen on.")
    port: int = Field(default=PORT, ge=0, le=65535, description="Their port; 0 takes one that is free.")
    hosts: list[str] = Field(default=[], description="Names besides loopback's by which it may be called.")
    network: str | None = Field(
        default=None, description="What a new store begins with: `us`, `global`, `us-lab` or a file."
    )
    fabric: Literal["auto", "linux", "twin"] = Field(
        default="auto", description="What carries: Linux routers, or the twin; `auto` takes routers where they can run."
    )
    routers: Path | None = Field(
        default=None, description="A file of Linux routers on hosts of their own; without it they are a lab's."
    )
    pki: Path | None = Field(default=None, description="The certificates for those; `pki` in the home by default.")
    rate_scale: float | None = Field(
        default=None, gt=0, le=1, description="What a lab carries a modelled 1 Gbit/s as, in Gbit/s."
    )
    detection_ms: float = Field(default=15.0, gt=0, le=10_000, description="How long the twin takes to notice a cut.")
    step_services: int = Field(
        default=200, ge=1, description="How many services one step of planned changes may touch on routers."
    )
    step_share: float = Field(
        default=0.2, ge=0, le=1, description="The same as a share of the live services: the larger of the two holds."
    )
    seed: int = Field(default=1, description="Of the twin's traffic.")
