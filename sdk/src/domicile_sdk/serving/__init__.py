"""What a service says to Domicile as itself: follow its items, report on them, give purge receipts, let people in."""

from domicile_sdk.serving.answers import (
    Admitted,
    Change,
    Changes,
    KeptItem,
    Listing,
    Outcome,
    Purge,
    Report,
    UsageOutcome,
    UsageRecord,
)
from domicile_sdk.serving.clients import AsyncServingClient, ServingClient

__all__ = [
    "Admitted",
    "AsyncServingClient",
    "Change",
    "Changes",
    "KeptItem",
    "Listing",
    "Outcome",
    "Purge",
    "Report",
    "ServingClient",
    "UsageOutcome",
    "UsageRecord",
]
