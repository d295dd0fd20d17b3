"""What the environment says: every `HIGHROAD_*` variable that a controller reads, with its default."""

from __future__ import annotations

from pathlib import Path

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
    network: str = Field(default="us", description="What a new store begins with: `us`, `global`, `us-lab` or a file.")
    detection_ms: float = Field(default=15.0, gt=0, le=10_000, description="How long the twin takes to notice a cut.")
    seed: int = Field(default=1, description="Of the twin's traffic.")
