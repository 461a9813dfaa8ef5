"""The tables of the region's outbox and of its idempotency keys, and the kinds of effects written there."""

from domicile.infra.idempotency import define_idempotency_keys
from domicile.infra.outbox import define_outbox
from domicile.infra.planes import REGION

outbox = define_outbox(REGION, "account_id")
idempotency_keys = define_idempotency_keys(REGION, "account_id")

ACCOUNT_INDEX = "account-index"
"""Bring the directory's entry of the account up to date."""
MEMBERSHIP_INDEX = "membership-index"
"""Bring the directory's index of one membership up to date; the subject is the user."""
INVITATION_MAIL = "invitation-mail"
"""Send an invitation; the subject is the invitation."""
SUSPENSION_MAIL = "suspension-mail"
"""Tell a user with full access that the account was suspended; the subject is the user."""
PURGE_WARNING_MAIL = "purge-warning-mail"
"""Warn a user with full access that the account is going to be purged; the subject is the user."""
