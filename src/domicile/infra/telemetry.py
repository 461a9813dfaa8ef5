"""Logs: one JSON object a line, on standard error, with ids and names of errors; never a secret, an address or a body."""

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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


def _tell_places(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by the places it came through: its text may hold what somebody typed."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["places"] = [
            f"{frame.filename.rpartition('/domicile/')[2]}:{frame.lineno} {frame.name}" for frame in frames
        ]
        if error.__cause__ is not None:
            event["cause"] = type(error.__cause__).__name__
    return event


def release() -> str:
    """Tell the version of the installed package."""
    return version("domicile")
