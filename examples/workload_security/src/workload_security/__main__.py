"""`python -m workload_security`: serves on this machine, set up by the environment."""

import logging
import os

import uvicorn

from workload_security.app import build_app
from workload_security.settings import read_settings


def main() -> None:
    """Serve until the process is ended."""
    settings = read_settings(os.environ)
    if not settings.webhook_secrets():
        raise SystemExit(
            f"There is no region to serve: put webhook secrets into {settings.data}, as the README says."
        )
    logging.basicConfig(level=logging.WARNING)
    uvicorn.run(
        build_app(settings), host="127.0.0.1", port=settings.port, ws="none", timeout_graceful_shutdown=5
    )


if __name__ == "__main__":
    main()
