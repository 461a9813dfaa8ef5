"""Imports every module that declares tables, so that each plane's metadata is whole."""

import domicile.directory.accounts.store
import domicile.directory.departures.store
import domicile.directory.feed.store
import domicile.directory.memberships.store
import domicile.directory.receipts.store
import domicile.identity.addresses.store
import domicile.identity.events.store
import domicile.identity.known_devices.store
import domicile.identity.outbox
import domicile.identity.passkeys.store
import domicile.identity.passwords.store
import domicile.identity.recovery.store
import domicile.identity.recovery_codes.store
import domicile.identity.registration.store
import domicile.identity.sessions.store
import domicile.identity.signing.store
import domicile.identity.signing_in.store
import domicile.identity.throttling.store
import domicile.identity.totp.store
import domicile.identity.users.store
import domicile.region.access_log.store
import domicile.region.accounts.store
import domicile.region.api_keys.store
import domicile.region.audit.store
import domicile.region.audit_tree.store
import domicile.region.contacts.store
import domicile.region.courier.store
import domicile.region.history.store
import domicile.region.invitations.store
import domicile.region.item_log.store
import domicile.region.items.store
import domicile.region.leavers.store
import domicile.region.mail_pace.store
import domicile.region.memberships.store
import domicile.region.openings.store
import domicile.region.outbox.store
import domicile.region.purging.store
import domicile.region.roles.store
import domicile.region.service_events.store
import domicile.region.service_purges.store
import domicile.region.signing.store
import domicile.region.usage.store  # noqa: F401  # imported for their tables
from domicile.infra.planes import DIRECTORY, IDENTITY, REGION

GLOBAL_METADATA = [IDENTITY, DIRECTORY]
"""What the database of identity and directory holds."""
REGION_METADATA = REGION
"""What every region's database holds."""
