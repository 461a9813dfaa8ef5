"""Signs what is sent to services (Standard Webhooks 1.0: HMAC-SHA256 over id, moment and body)."""

import base64
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook

from domicile.infra.secrets import Keyring, SecretText


def webhook_secret(keyring: Keyring, service: str, region: str) -> SecretText:
    """Derive the secret that a service and one region share, as Standard Webhooks writes it: `whsec_` and base64."""
    key = keyring.derive(f"webhook {region} {service}")
    return SecretText(f"whsec_{base64.b64encode(key).decode()}")


def webhook_headers(secret: SecretText, id_: str, body: str, *, now: datetime) -> Mapping[str, str]:
    """Make the headers of a message: its id, which is the same at every attempt, the moment, and the signature of all three."""
    return {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret.reveal()).sign(id_, now, body),
    }
