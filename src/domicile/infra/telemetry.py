"""Logs: one JSON object a line, on standard error, with ids and names of errors; never a secret, an address or a body."""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from importlib.metadata import version
from typing import Any

import structlog


def configure_logs() -> None:
    """Set logging up for the life of a server process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_places,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(LibraryLines())
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])


class LibraryLines(logging.Formatter):
    """Writes what a library logs in the form of our own lines, without the texts of errors and what was being handled."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one JSON object; of a message its first line, since asyncio and others put what they held below it."""
        message, _, _ = record.getMessage().partition("\n")
        told: dict[str, object] = {"logger": record.name, "event": message, "level": record.levelname.lower()}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told |= {"error": type(error).__name__, "places": _places_of(error)}
        return json.dumps(told)


def _tell_places(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by the places it came through: its text may hold what somebody typed."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["places"] = _places_of(error)
        if error.__cause__ is not None:
            event["cause"] = type(error.__cause__).__name__
    return event


def _places_of(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/domicile/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def release() -> str:
    """Tell the version of the installed package."""
    return version("domicile")
