"""The collector's settings, from environment variables and a file ``.env``."""

import json
import os
import re
import socket
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from audiosense_collector.clips.location import check_location
from audiosense_collector.db.migrate import Retention
from audiosense_collector.errors import SettingsError
from audiosense_collector.logs import LogFormat, LogLevel
from audiosense_collector.systemd import database_credential
from audiosense_collector.training.settings import (
    DEFAULT_DETECTOR,
    FALSE_ALARMS_PER_WEEK,
    LEAST_PER_WEEK,
    MOST_PER_WEEK,
    DetectorName,
)

ADDRESSES_FILE = Path("run") / "addresses.json"
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
METRICS_PORT = 9464
"""The one that exporters of metrics customarily have."""
_CHECKOUT = Path(__file__).resolve().parents[2]
_PACKAGED_DASHBOARD = Path(__file__).with_name("dashboard")


def _default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/audiosense")
    return Path("~/.local/share/audiosense").expanduser()


def _default_dashboard_dir() -> Path:
    return _PACKAGED_DASHBOARD if _PACKAGED_DASHBOARD.is_dir() else _CHECKOUT / "dashboard" / "dist"


class EnvironmentSettings(BaseSettings):
    """Settings from the environment and ``.env``; a field's alias, where it has one, is its variable."""

    model_config = SettingsConfigDict(
        env_prefix="AUDIOSENSE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            variable = name if name.isupper() else f"AUDIOSENSE_{name.upper()}"
            message = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{variable} cannot be used: {message}; change it in the environment or .env") from None


class Settings(EnvironmentSettings):
    """Each setting is the variable ``AUDIOSENSE_<NAME>``, the database ``DATABASE_URL``."""

    database_url: str | None = Field(
        default_factory=database_credential, validation_alias="DATABASE_URL", validate_default=True
    )
    data_dir: Path = Field(default_factory=_default_data_dir)
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    agent_host: str = "0.0.0.0"  # noqa: S104 - agents are on other hosts
    agent_port: Annotated[int, Field(ge=0, le=65_535)] = 8443
    agent_url: str | None = None
    dashboard_dir: Path = Field(default_factory=_default_dashboard_dir)
    baseline_windows: Annotated[int, Field(ge=1, le=1_000_000)] = 720
    false_alarms_per_week: Annotated[float, Field(ge=LEAST_PER_WEEK, le=MOST_PER_WEEK)] = FALSE_ALARMS_PER_WEEK
    threshold_percentile: Annotated[float, Field(ge=50, le=100)] | None = None
    detector: DetectorName = DEFAULT_DETECTOR
    trees: Annotated[int, Field(ge=1, le=10_000)] = 100
    heuristic_dominant_hz: Annotated[float, Field(gt=0)] = 8500
    heuristic_flatness: Annotated[float, Field(gt=0, le=1)] = 0.3
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    ingest_queue: Annotated[int, Field(ge=1, le=10_000)] = 256
    retention_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    minute_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    order_minutes: bool = True
    order_raw: bool = True
    credential_days: Annotated[int, Field(ge=0, le=3_650)] = 30
    credential_overlap_h: Annotated[float, Field(gt=0, le=8_760)] = 24
    clip_retention_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    clip_max_bytes: Annotated[int, Field(ge=0)] = 10 * 2**30
    clips_url: str | None = None
    exports_url: str | None = None
    export_retention_days: Annotated[int, Field(ge=1, le=3_650)] = 7
    export_max_bytes: Annotated[int, Field(ge=1)] = 10 * 2**30
    export_total_bytes: Annotated[int, Field(ge=1)] = 50 * 2**30
    export_queue: Annotated[int, Field(ge=1, le=10_000)] = 20
    export_queue_per_user: Annotated[int, Field(ge=1, le=10_000)] = 5
    analysis_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    keys_dir: Path | None = None
    worker: bool = True
    worker_concurrency: Annotated[int, Field(ge=1, le=256)] = 2
    worker_metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    worker_stalled_s: Annotated[float, Field(ge=2, le=3_600)] = 20
    notify_urls: Annotated[list[SecretStr], NoDecode] = Field(default_factory=list)
    notify_quiet_s: Annotated[float, Field(ge=0, le=86_400)] = 600
    notify_per_day: Annotated[int, Field(ge=1, le=100_000)] = 100
    developer_mode: bool = False
    demo: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO
    access_log: bool = False
    cors_origins: Annotated[list[str], NoDecode] = Field(default_factory=list)
    insecure_lan: Annotated[bool, Field(validate_default=True)] = False
    hosts: Annotated[list[str], NoDecode] = Field(default_factory=list)
    trusted_proxies: Annotated[list[str], NoDecode] = Field(default_factory=lambda: ["127.0.0.1", "::1"])
    session_idle_h: Annotated[float, Field(gt=0, le=8_760)] = 12
    session_days: Annotated[int, Field(ge=1, le=365)] = 7

    @field_validator("cors_origins", "hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("notify_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("hosts")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        for name in value:
            if not _HOST_NAME.fullmatch(name):
                raise ValueError(
                    f"holds {name!r}, expected names without scheme and port, for example audio.example.com"
                )
        return [name.lower() for name in value]

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"holds {network!r}, expected addresses or networks such as 10.0.0.0/24") from None
        return value

    @model_validator(mode="before")
    @classmethod
    def _listen_on_the_lan(cls, values: dict[str, object]) -> dict[str, object]:
        asked = str(values.get("insecure_lan", "")).lower() in {"1", "true", "yes", "on", "t", "y"}
        return {"http_host": "0.0.0.0"} | values if asked else values  # noqa: S104 - that is what was asked for

    @field_validator("insecure_lan")
    @classmethod
    def _where_people_sign_in(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001
        if value and info.data.get("demo"):
            raise ValueError("is on with AUDIOSENSE_DEMO, where nobody signs in; the demo is for this computer only")
        host = str(info.data.get("http_host", ""))
        try:
            local = host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            local = False
        if not local and not value:
            raise ValueError(
                f"is off and AUDIOSENSE_HTTP_HOST is {host!r}, expected 127.0.0.1, ::1 or localhost: the browsers' "
                "port has no TLS; put a proxy with TLS in front of it, or let passwords cross the network in the clear "
                "with --insecure-lan (AUDIOSENSE_INSECURE_LAN=1)"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, value: str | None) -> str | None:
        if not value:
            return None
        scheme, separator, rest = value.partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not separator:
            raise ValueError(f"starts with {scheme!r}, expected postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE")
        return f"postgresql+psycopg://{rest}"

    @field_validator("clips_url", "exports_url")
    @classmethod
    def _usable(cls, value: str | None) -> str | None:
        if value:
            check_location(value)
        return value or None

    @field_validator("agent_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
            raise ValueError(f"is {value!r}, expected https://HOST:PORT")
        return value.rstrip("/") if value else None

    @property
    def metrics_port_wanted(self) -> int:
        """The port for probes and Prometheus: any free one where the browsers' port is any free one."""
        if self.metrics_port is not None:
            return self.metrics_port
        return METRICS_PORT if self.http_port else 0

    def metrics_port_of(self, place: int) -> int:
        """The port for probes and Prometheus of one of several processes; the first one's ``place`` is 0."""
        return self.metrics_port_wanted and self.metrics_port_wanted + place

    @property
    def retention(self) -> Retention:
        """For how long measurements and their roll-ups are kept."""
        return Retention(self.retention_days, self.minute_retention_days)

    @property
    def clips_location(self) -> str:
        """Folder or address of the sound of clips; collectors that share a database share it."""
        return self.clips_url or str(self.data_dir / "clips")

    @property
    def exports_location(self) -> str:
        """Folder or address of the files of exports; collectors that share a database share it."""
        return self.exports_url or str(self.data_dir / "exports")

    @property
    def trust_dir(self) -> Path:
        """Folder of the CA and of the key that signs bundles; collectors that share a database share them."""
        return self.keys_dir or self.data_dir

    @property
    def agents_address(self) -> str:
        """Address that is written into enrolment keys; with a free port, the one that the running server has."""
        return self.agent_url or f"https://{socket.gethostname()}:{self.agent_port or self._port_in_use()}"

    def _port_in_use(self) -> int:
        try:
            addresses = json.loads((self.data_dir / ADDRESSES_FILE).read_text())
            return urlsplit(addresses["agents"]).port or 0
        except (OSError, ValueError, KeyError):
            return 0
