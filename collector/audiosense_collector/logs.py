"""Logs go to standard error, one line an entry, so that standard output holds results only.

The lines of uvicorn, Alembic, procrastinate and every other library take the same way as the collector's own, as text
for people or as one JSON object a line for machines. Nothing that opens a door is ever in one.
"""

import logging
import re
import sys
from enum import StrEnum

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_SECRET_KEYS = frozenset({"authorization", "cookie", "set-cookie", "password", "secret", "credential", "token", "key"})
_SECRETS = (
    (re.compile(r"(\w[\w+.-]*://[^\s:/@]*):[^\s@/]+@"), r"\1:***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w~+/=.-]+"), r"\1 ***"),
    (re.compile(r"\baudiosense-1-[\w.~=-]+"), "audiosense-1-***"),
    (re.compile(r"(?i)\b(password|secret|token|credential|session)=[^\s&;,'\"]+"), r"\1=***"),
)
_SUSPICIOUS = re.compile(r"://|=|audiosense-1-|[Bb][Ee][Aa][Rr][Ee][Rr]|[Bb][Aa][Ss][Ii][Cc]")
"""What a line must hold to be worth a closer look: there are thousands of lines a second."""


class LogFormat(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The lowest level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """As Python counts them."""
        return logging.getLevelNamesMapping()[self.name]


def configure_logs(level: int, style: LogFormat = LogFormat.TEXT) -> None:
    """Set the lowest level and the form of all lines; libraries are heard from warnings on, at ``DEBUG`` all."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(style)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.getLogger("audiosense_collector").setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _ending(style: LogFormat) -> list[Processor]:
    if style is LogFormat.TEXT:
        renderer: Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        renderer = structlog.processors.JSONRenderer(sort_keys=True, default=str)
    return [structlog.processors.format_exc_info, _redact, renderer]


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn's, with codes for a terminal
    for name, value in event.items():
        if name.lower() in _SECRET_KEYS:
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = redacted(value)
    return event


def redacted(text: str) -> str:
    """Return a text without passwords in addresses, credentials, enrolment keys and values named as secrets."""
    if _SUSPICIOUS.search(text) is None:
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
