"""What the environment says: every `HIGHROAD_*` variable that a controller reads, with its default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PORT = 8470


class Settings(BaseSettings):
    """Of a controller. The command line overrides the environment, the environment these defaults."""

    model_config = SettingsConfigDict(env_prefix="HIGHROAD_", extra="ignore")

    home: Path | None = Field(default=None, description="Where the store, the fabric's memory and the credentials are.")
    database: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL, as `postgresql://user@host/name`, that several processes may share; without it the "
        "store is SQLite in the home, for one.",
    )
    role: Literal["any", "api"] = Field(
        default="any", description="Beside others on one database: `any` may be elected to lead, `api` never is."
    )
    plant: Path | None = Field(
        default=None,
        description="Where the fabric's memory is, if not in the home: who leads next on this machine goes on with it.",
    )
    host: str = Field(default="127.0.0.1", description="The address that the API and the page listen on.")
    port: int = Field(default=PORT, ge=0, le=65535, description="Their port; 0 takes one that is free.")
    hosts: list[str] = Field(default=[], description="Names besides loopback's by which it may be called.")
    proxies: list[IPvAnyNetwork] = Field(
        default=[],
        description="Proxies, or networks of them, whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
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
    wait_to_restore_s: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        description="How long what failed has to be good before it is used again: 300, in a lab and on the twin 5.",
    )
    step_services: int = Field(
        default=200, ge=1, description="How many services one step of planned changes may touch on routers."
    )
    step_share: float = Field(
        default=0.2, ge=0, le=1, description="The same as a share of the live services: the larger of the two holds."
    )
    canary_above: int = Field(
        default=10, ge=1, description="So many services may be moved by choice before a canary; it has at most so many."
    )
    check_s: float = Field(
        default=1.0, ge=0, le=60, description="How long counters are read before a planned move counts as harmless."
    )
    harmful_loss: float = Field(
        default=0.01, gt=0, le=1, description="A moved service that loses more of what it sends is brought back."
    )
    optimise: Literal["off", "ask", "auto"] = Field(
        default="ask",
        description="Whether a better plan of all that is carried is looked for: `off` never, `ask` shows it and waits "
        "for an operator, `auto` applies what is worth it.",
    )
    optimise_s: float = Field(
        default=5.0, gt=0, le=86_400, description="How often, at most a fifth of the time; at once after a repair."
    )
    optimise_gain: float = Field(
        default=0.02, gt=0, le=1, description="By how much less full the fullest link has to be for it to be worth it."
    )
    log: Literal["text", "json"] = Field(
        default="text", description="The log: lines for people, or a JSON object a line."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="What is logged at least; INFO has a line for each request."
    )
    metrics_token: SecretStr | None = Field(
        default=None, min_length=16, description="A token that reads /metrics and nothing else."
    )
    drain_s: float = Field(
        default=0.0, ge=0, le=300, description="How long it goes on answering after a stop was asked for, not ready."
    )
    stop_s: float = Field(
        default=10.0, ge=0, le=600, description="How long what is under way then may take to be answered."
    )
    webhook_networks: str = Field(
        default="",
        description="Networks that operators' webhooks may reach besides public addresses, http:// too: `10.1.0.0/16`.",
    )
    webhook_tenant_networks: str = Field(
        default="", description="The same for the webhooks of tenants, whose admins choose the addresses."
    )
    webhook_key: SecretStr | None = Field(
        default=None, min_length=16, description="What secrets of webhooks are sealed with; `webhook.key` in the home."
    )
    webhook_give_up_h: float = Field(
        default=72.0, gt=0, description="A webhook that failed for so many hours is disabled."
    )
    token_per_s: float = Field(default=2000.0, ge=0, description="Requests a second of one token; 0 for no limit.")
    tenant_per_s: float = Field(default=5000.0, ge=0, description="And of all tokens of one tenant.")
    in_flight: int = Field(default=256, ge=1, description="Requests under way at once; more are told to come again.")
    request_s: float = Field(default=90.0, gt=0, description="How long one may take before it is given up.")
    oidc_issuer: str | None = Field(default=None, description="The identity provider whose tokens are good here.")
    oidc_audience: str = Field(default="highroad", description="Whom its tokens have to be for.")
    oidc_claim: str = Field(default="groups", description="The claim with a token's groups; dots lead into objects.")
    oidc_groups: dict[str, str] = Field(
        default={}, description="What groups may do: `operator`, `engineer`, or `TENANT:admin`, `:member`, `:viewer`."
    )
    oidc_client_id: str | None = Field(
        default=None, description="What it calls the page, which sends people there to sign in; without it they paste."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="What the page proves that with, where the provider gave it one."
    )
    oidc_scope: str = Field(default="openid", description="What the page asks it for: `openid groups`, say.")
    telemetry_mib: int = Field(
        default=2048,
        ge=0,
        description="How much room figures over time may take, in MiB; the oldest goes first. 0 keeps none.",
    )
    remote_write: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+(/\S*)?$",
        description="Where they are sent besides: the remote write of a Prometheus, `http://host:9090/api/v1/write`.",
    )
    seed: int = Field(default=1, description="Of the twin's traffic.")
