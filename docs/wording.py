"""The words beside the facts in the tables of the documents; a fact without words fails the tests."""

# ruff: noqa: SLF001  # a limit is its module's own, and is read here only to be told

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from domicile.apps import connection
from domicile.identity.events import service as events
from domicile.identity.factors import domain as factors
from domicile.identity.links import MAILS_PER_HOUR
from domicile.identity.passkeys import domain as passkeys
from domicile.identity.passwords import domain as passwords
from domicile.identity.recovery_codes import domain as recovery_codes
from domicile.identity.totp_enrolment import service as totp_enrolment
from domicile.identity.users import domain as users
from domicile.infra import blocklist, email_address, password_screen
from domicile.infra.idempotency import MEMORY
from domicile.infra.mail import mailbox
from domicile.kernel import cloud_accounts, labels, services, signing_keys
from domicile.kernel.paging import DEFAULT_LIMIT, LARGEST_LIMIT
from domicile.kernel.signing_keys import CLOCK_SKEW, LONGEST_TOKEN, PUBLISHED_AHEAD
from domicile.region.access import routes as access
from domicile.region.accounts.domain import LONGEST_ALIAS
from domicile.region.api_keys import domain as api_keys
from domicile.region.contacts import domain as contacts
from domicile.region.entering.domain import LIFETIME
from domicile.region.invitations.domain import MOST_AT_ONCE
from domicile.region.item_apply import domain as item_apply
from domicile.region.item_watch import domain as item_watch
from domicile.region.items import domain as items
from domicile.region.receiving.service import MOST_SHOWN
from domicile.region.usage import domain as usage
from domicile.web import bodies, requests

CALLERS: Final = {
    (): "anyone",
    ("session",): "a person's session",
    ("apiKey", "accountToken"): "API key or account token",
    ("service",): "the credential of a service",
    ("apiKey", "accountToken", "service"): "API key, account token, or the credential of a service",
    ("apiKey", "accountToken", "session"): "API key, account token, or the session of a member",
}

COMMON_PROBLEMS: Final = {
    "account-suspended",
    "account-token-required",
    "address-not-allowed",
    "credential-refused",
    "invalid-input",
    "not-authenticated",
    "not-permitted",
    "person-required",
    "session-ended",
    "user-leaving",
}
"""Told in prose above the table of operations, because whole kinds of operations have them."""

SETTINGS: Final = {
    "namespace": "Second part of every URN; ASCII letters and digits.",
    "secret_key_file": "The root key: at least 64 hexadecimal digits. Empty: `secret.key` in the data folder, made at the first start.",
    "secret_key_command": "A program, by its whole path, and its arguments: run once at the start, without a shell, it writes the root key within ten seconds. Instead of the file.",
    "server.host": "Where the server listens; `--host` wins.",
    "server.port": "Where the server listens; `--port` and `DOMICILE_PORT` win.",
    "server.public_url": "The address in links and tokens. Empty: host and port.",
    "server.trusted_proxies": "Addresses and networks of proxies, whose `X-Forwarded-For` is believed. Empty: nobody's.",
    "server.continue_hosts": "Host names to which the sign-in page may lead on, over https and at their usual port. Empty: none but this one.",
    "server.regions": "Ids of the regions that this node serves; empty: all. For the others it opens no database and answers 421.",
    "identity.database": "SQLAlchemy address of the database of identity and directory. Empty: `identity.db` in the data folder.",
    "regions.id": "Two to eight small letters, a hyphen, one to three digits.",
    "regions.name": "What people read.",
    "regions.database": "SQLAlchemy address of the region's database. Empty: `region-<id>.db` in the data folder.",
    "regions.directory_database": "The address of identity's database under a role of this region's own, see `domicile region grants`. Empty: identity's.",
    "regions.public_url": "The public address of the region's API, also in its tokens and in the links of its invitations. Empty: the server's.",
    "regions.open": "Whether new accounts may be created there.",
    "regions.discreet": "Whether an account's alias and its users' roles stay in the region, also from the directory.",
    "services.manifest": "Path of the service's manifest, from the folder of the configuration; see [Integrate a service](integrate-a-service.md#register-it).",
    "services.credential_sha256": "SHA-256, in hexadecimal, of the credential by which the service is known; `domicile service token` makes one. Empty: none.",
    "services.credential_file": "Path, from the data folder, of a file with the credential itself instead of its digest; `domicile serve` makes it if it is not there. For a service on the same machine. Empty: none.",
    "services.region_credentials_sha256": "The same for single regions, by their ids: there the credential above then counts no more.",
    "webhooks.allowed_networks": "Addresses and networks inside in which services may be called back, beside the public Internet. Empty: none. An address of this machine in a manifest is always called.",
    "sessions.idle_minutes": "A session ends when nothing was done with it for so long.",
    "sessions.absolute_hours": "A session ends so long after the sign-in, whatever was done with it.",
    "passwords.min_length": "Shortest password, in code points; it holds for passwords that are set from then on.",
    "passwords.min_length_with_factor": "Shortest password of who has a second factor when they set it.",
    "passwords.blocklist_file": "Passwords that nobody may choose, one a line, in UTF-8, at most 16 MiB. Empty: none.",
    "passwords.breached_url": "Where passwords that became known are looked up, by five digits of their SHA-1. Empty: nowhere.",
    "passwords.hash_threads": "Passwords hashed at once; each takes 19 MiB while it lasts.",
    "passwords.hash_queue": "Callers that may wait for a thread; the next one is answered 429.",
    "passkeys.rp_id": "Domain that passkeys belong to: the host of `server.public_url` or a parent domain of it. Empty: that host; where it is an IP address, there are no passkeys. Changing it makes every passkey worthless.",
    "passkeys.rp_name": "The name under which browsers show the platform.",
    "passkeys.origins": "Origins of pages that may use passkeys, each within the domain. Empty: that of `server.public_url`.",
    "throttling.most_failures": "Consecutive failures of one person and factor: half of them strangers', a quarter each at familiar sources and in sessions; then the factor has to be set up anew.",
    "throttling.range_failures": "Failures from one address (IPv6: /64), over all persons, before strangers there have to wait; five times as many from the network around it.",
    "links.verify_hours": "How long the link that proves an address is good for.",
    "links.reset_minutes": "How long the link to a new password is good for.",
    "links.invitation_days": "How long an invitation is good for, from when it was made or last sent.",
    "invitations.per_account_per_day": "Invitations that one account may make within any 24 hours.",
    "invitations.sends_per_invitation": "Times that a link of one invitation may be asked for, the first included.",
    "invitations.mails_per_address_per_hour": "Invitations that one region mails to one address within any hour, whoever invites; further mails wait, and none is lost.",
    "audit.retention_days": "How long the audit events of accounts are kept; their hashes stay.",
    "accounts.suspension_days": "Days from the deletion of an account until its data is deleted; until then it can be restored.",
    "links.undo_days": "How long the former address can take a change of address back.",
    "courier.park_after": "Failures after which a row is set aside for an operator.",
    "mail.host": "The SMTP server.",
    "mail.port": "Its port.",
    "mail.tls": "How the connection is protected: upgraded, from the start, or not at all.",
    "mail.username": "Empty: the server wants no credentials. With a password it needs TLS, unless the server is this machine.",
    "mail.password": "Goes with `mail.username`; never printed.",
    "mail.sender": "Who the mails are from: `Name <address>`.",
    "mail.timeout_seconds": "For the whole of one mail.",
}

TABLES: Final = {
    "identity.users": "Who a person is, once: address, name, language, time zone.",
    "identity.passwords": "The Argon2id hash of each person's password, or another system's until the first sign-in; whether it is short.",
    "identity.sign_ins": "Sign-ins under way, for ten minutes: of the token only its keyed hash, the address that was typed only sealed.",
    "identity.known_devices": "The devices that a person has signed in from: a keyed hash, and when each was last used.",
    "identity.sessions": "Who is signed in where; of the token only its keyed hash.",
    "identity.totp_factors": "The authenticator apps of people; each secret sealed. Those too that do not count yet, for an hour.",
    "identity.recovery_codes": "Of each recovery code only its keyed hash, and when it was used.",
    "identity.passkeys": "The passkeys of people: public keys, and how and when each was used.",
    "identity.passkey_challenges": "What devices were asked to sign, for five minutes; used once.",
    "identity.sign_ups": "Sign-ups whose address is not proved yet, with the hash of the password that was chosen.",
    "identity.password_resets": "Requests for a new password; of the link only its keyed hash.",
    "identity.email_changes": "Wishes for another address, and changes that can still be undone; of the link only its keyed hash.",
    "identity.email_undo_links": "The links that undo a change of address: keyed hashes.",
    "identity.released_addresses": "Addresses that were given up: a keyed hash and the moment, nothing of whose they were.",
    "identity.security_events": "What happened to a person's credentials, sessions and profile.",
    "identity.attempts": "How much has failed, by a keyed hash of person, factor and whether the source is familiar, or of a range; with the user's id where there is one, no address.",
    "identity.familiar_sources": "Networks from which a person has signed in lately: keyed hashes together with the person, and the moment.",
    "identity.identity_signing_keys": "Every key that identity has signed with; the private part of the one that signs, and of the next, is sealed, that of the others is destroyed.",
    "identity.outbox": "Mails to be sent to people: kinds and ids, no address, no secret.",
    "directory.directory_accounts": "Every account id ever given out, with its region, state and alias.",
    "directory.directory_memberships": "The membership index: who is in which account, with state and role.",
    "directory.directory_receipts": "Deletion receipts: id, account, dates and a fingerprint.",
    "directory.directory_feed": "What changed about people, for the regions in which they are members: ids and versions.",
    "directory.directory_feed_heads": "The last number of each region's feed.",
    "region.accounts": "An account's alias, language, time zone and state; of a suspended one until when it can be restored.",
    "directory.directory_leavers": "Who is leaving the platform, or has left: ids. Of who is gone this is all that is kept.",
    "directory.directory_departures": "What each region said to a departure: its state, and ids of accounts that would have no owner.",
    "region.memberships": "A user's place in an account: role, state, last activity. Authoritative.",
    "region.member_cards": "What the region may know of its members: a copy of name, address, language, time zone.",
    "region.roles": "The roles that an account made for itself.",
    "region.access_history": "What each place, key and role became, and when, for a year.",
    "region.contacts": "Three lists of addresses to write to about an account.",
    "region.purges": "Purges under way: an account's id, dates, and how many rows of which table are deleted.",
    "region.deletion_receipts": "Signed receipts of purged accounts: ids, dates and numbers.",
    "region.invitations": "Who was invited as what, and where it stands; of the link only its keyed hash.",
    "region.items": "What the account keeps in services, as it is now, and what each service says of it.",
    "region.item_labels": "The labels of those things, so that they can be asked for.",
    "region.item_references": "Which of those things name which others: kinds and names.",
    "region.item_versions": "Every version of what the account keeps in services, and who made it.",
    "region.usage_records": "What services measured for the account: meters, numbers, moments.",
    "region.service_events": "What services are to hear of accounts: what happened, and ids.",
    "region.service_purges": "Which services were asked to delete which account, and their receipts: ids, names of kinds, numbers.",
    "region.item_log_heads": "The last number in the log of each service's items.",
    "region.invitation_mails": "When addresses were mailed invitations within the last hour; of the address only a keyed hash.",
    "region.api_keys": "The account's API keys; of each secret only its keyed hash.",
    "region.audit_events": "Who did what to what in the account, when and from where; what is personal lies apart and can be erased.",
    "region.audit_trees": "How many audit events an account ever had, and how far its tree of hashes is kept.",
    "region.audit_tiles": "Hashes of audit events, 256 together; those of deleted events too.",
    "region.audit_checkpoints": "What an account's tree of audit events was at a moment, signed by the region.",
    "region.audit_marks": "What was recorded of a session, key or user and is not to be recorded again at once: ids only.",
    "region.service_openings": "Ways of people into services: a keyed hash of the newest code or handle, for a minute or an hour unused.",
    "region.idempotency_keys": "Answers to creations, sealed, for 24 hours, for who repeats the request.",
    "region.outbox": "What is to be told to the directory, and mails to be sent: kinds, ids, versions.",
    "region.leavers": "Who is leaving the platform, or has left, so that nobody takes them in: ids only.",
    "region.access_log": "Every change that bears on who may do what, in the order of their commits: ids only.",
    "region.access_log_head": "The last number of the access log.",
    "region.feed_cursor": "How far the region has read its feed.",
    "region.parked_feed": "Rows of the feed that failed too often.",
    "region.signing_keys": "Every key that the region has signed with; the private part of the one that signs, and of the next, is sealed, that of the others is destroyed.",
}

EVENTS: Final = {
    "audit.access_explained.v1": "A principal asked about the access of others: by `access/explain` or `access/preflight`; at most one a minute for each kind of question.",
    "audit.access_reviewed.v1": "The review of everyone who can enter was read.",
    "audit.account_created.v1": "An account was created.",
    "audit.account_entered.v1": "A person got an account token.",
    "audit.account_restored.v1": "A suspended account was restored.",
    "audit.account_suspended.v1": "An account was deleted: it is suspended until it is purged.",
    "audit.account_updated.v1": "Alias, locale or time zone of an account changed.",
    "audit.apiKey_created.v1": "An API key was made.",
    "audit.access_refused.v1": "A change was refused to a user or an API key for want of a permission; at most one a minute of each kind.",
    "audit.apiKey_deleted.v1": "An API key was deleted.",
    "audit.apiKey_refused.v1": "An API key was used and refused: wrong secret, locked, expired, or from a foreign address; at most one a minute for each reason.",
    "audit.apiKey_updated.v1": "An API key was changed, locked, unlocked or rotated.",
    "audit.entry_refused.v1": "A user was refused in the account: it is suspended, say; at most one a minute for each reason.",
    "audit.contacts_updated.v1": "Lists of contacts were replaced; which, and how many addresses each has.",
    "audit.invitation_created.v1": "An address was invited.",
    "audit.invitation_updated.v1": "An invitation got another role, was sent again, revoked, accepted or declined.",
    "audit.item_created.v1": "Something was put into a service: `service`, `kind`, `name`, `version`; never what it holds; after a roll-back also `restoredVersion`.",
    "audit.item_deleted.v1": "Something was taken out of a service.",
    "audit.item_updated.v1": "Something in a service became another version.",
    "audit.log_exported.v1": "The account's audit events were exported: in which form, by which filters, how many.",
    "audit.role_created.v1": "A role of the account's own was made.",
    "audit.role_deleted.v1": "A role of the account's own was deleted.",
    "audit.role_updated.v1": "A role of the account's own became another.",
    "audit.user_joined.v1": "A person became a user of the account.",
    "audit.user_updated.v1": "In an account's log: a user got another role, or was disabled or enabled. Of a person: the profile changed.",
    "audit.user_deleted.v1": "In an account's log: a user was removed, or is gone from the platform (`reason`). Of a person: the user was deleted.",
    "audit.userData_exported.v1": "A person took their data along: in each of their accounts, and of the person.",
    "audit.user_created.v1": "Of a person: the address was proved, or the operator imported the person (`source`).",
    "audit.user-signed-in.v1": "In an account's log: a session entered the account for the first time. Of a person: a sign-in, or a refused one.",
    "audit.user-signed-out.v1": "In an account's log: a session that had entered it was signed out. Of a person: a sign-out.",
    "audit.session_deleted.v1": "Of a person: one of their sessions was ended.",
    "audit.sessions_deleted.v1": "Of a person: all of their sessions but one were ended (`ended`: how many).",
    "audit.session_updated.v1": "Of a person: they showed again who they are, or tried to; the session goes on under a new id.",
    "audit.password_updated.v1": "Of a person: the password was changed, or refused to be.",
    "audit.passkey_stopped.v1": "Of a person: the counter of a passkey went back, which tells of a copy; it is refused from then on.",
    "audit.passwordReset_created.v1": "Of a person: a link to a new password was sent.",
    "audit.emailChange_created.v1": "Of a person: another address was asked for, or refused to be.",
    "audit.emailChange_deleted.v1": "Of a person: the wish for another address was taken back.",
    "audit.email_updated.v1": "Of a person: another address is in place.",
    "audit.email_reset.v1": "Of a person: a change of address was undone with the link in a mail.",
    "audit.factor_created.v1": "Of a person: a second factor counts from then on; or a wrong code was given for one.",
    "audit.factor_replaced.v1": "Of a person: a second factor is in the place of another (`replacedID`).",
    "audit.factor_updated.v1": "Of a person: a second factor is called something else.",
    "audit.factor_deleted.v1": "Of a person: a second factor was removed.",
    "audit.factors_reset.v1": "Of a person: the operator of the platform removed every second factor (`reason`).",
    "audit.recoveryCodes_created.v1": "Of a person: a new set of recovery codes was made.",
    "audit.recoveryCode_used.v1": "Of a person: a recovery code was used; how many are left.",
    "audit.device_created.v1": "Of a person: a sign-in from a device that was not used before.",
    "audit.user_leaving.v1": "Of a person: the deletion was asked for, or refused.",
    "audit.user_stayed.v1": "Of a person: the deletion was cancelled.",
    "audit.user_disabled.v1": "Of a person: the operator of the platform disabled them (`reason`).",
    "audit.attempt_refused.v1": "Of a person: an attempt came too soon after too many failures and was not looked at (`factor`, `sources`); at most one a minute of each counter.",
    "audit.attempts_cleared.v1": "Of a person: the operator of the platform made their failed attempts forgotten (`factor`).",
    "audit.user_enabled.v1": "Of a person: the operator of the platform enabled them again (`reason`).",
    "audit.password_reset.v1": "Of a person: a password was set with a link, or refused to be.",
}


def _minutes(span: timedelta) -> str:
    return f"{int(span.total_seconds() // 60)} minutes"


def limits() -> Iterator[tuple[str, str, str]]:
    """List the limits that are no settings: what, how much, and the module that says so."""
    yield from _limits_of_the_platform()
    yield from _limits_of_services()


def _limits_of_the_platform() -> Iterator[tuple[str, str, str]]:
    days = api_keys.LONGEST_LIFE.days // 365
    yield "Length of a person's name", f"{users.LONGEST_NAME} characters", users.__name__
    yield from _limits_of_factors()
    yield "Length of an e-mail address", f"{email_address.LONGEST_EMAIL} characters", email_address.__name__
    yield "Length of a password", f"at most {passwords._LONGEST} characters", passwords.__name__
    yield "Size of the operator's blocklist", f"{blocklist.LARGEST_FILE_BYTES >> 20} MiB", blocklist.__name__
    yield (
        "Passwords that are rated at once",
        f"{password_screen._ASKED_AT_ONCE} of a process",
        password_screen.__name__,
    )
    yield "Length of an account's alias", f"{LONGEST_ALIAS} characters", "domicile.region.accounts.domain"
    yield "Addresses on a list of contacts", f"1 to {contacts.MOST_ADDRESSES}", contacts.__name__
    yield "Length of an API key's alias", f"{api_keys.LONGEST_ALIAS} characters", api_keys.__name__
    yield (
        "Length of an API key's description",
        f"{api_keys.LONGEST_DESCRIPTION} characters",
        api_keys.__name__,
    )
    yield "Addresses of an API key", f"{api_keys.MOST_ENTRIES}, and as many networks", api_keys.__name__
    yield "Life of an API key with an expiry", f"at most {days} years", api_keys.__name__
    overlap = f"{api_keys.DEFAULT_OVERLAP.days} day, at most {api_keys.LONGEST_OVERLAP.days}"
    yield "Overlap of a rotated API key", overlap, api_keys.__name__
    yield (
        "Life of an account token",
        f"{int(LIFETIME.total_seconds() // 60)} minutes",
        "domicile.region.entering.domain",
    )
    yield "Publication of a signing key before it signs", _minutes(PUBLISHED_AHEAD), signing_keys.__name__
    yield (
        "Belief in a signing key after it has signed",
        _minutes(LONGEST_TOKEN + CLOCK_SKEW),
        signing_keys.__name__,
    )
    yield "Invitations in one request", f"{MOST_AT_ONCE:,}", "domicile.region.invitations.domain"
    yield (
        "Open invitations shown to a person",
        f"{MOST_SHOWN} of a region",
        "domicile.region.receiving.service",
    )
    yield (
        "Mails of one kind to one address, of sign-up and of reset",
        f"{MAILS_PER_HOUR} an hour",
        "domicile.identity.links",
    )
    yield "Questions in one `POST /api/access/check`", f"{access._MOST_CHECKS}", access.__name__
    yield (
        "Items on a page",
        f"{DEFAULT_LIMIT} if not asked for, at most {LARGEST_LIMIT}",
        "domicile.kernel.paging",
    )
    yield "Length of an `Idempotency-Key`", f"{requests._LONGEST_KEY} characters", requests.__name__
    yield (
        "Memory of an `Idempotency-Key`",
        f"{int(MEMORY.total_seconds() // 3600)} hours",
        "domicile.infra.idempotency",
    )
    yield "Body of a request", "1,000,000 bytes", "domicile.apps.api"
    yield "Values in a body", f"about {bodies.MOST_VALUES:,}", bodies.__name__
    head = connection.LARGEST_HEAD_BYTES // 1024
    yield (
        "Head of a request",
        f"{head} KiB after its first piece, {connection.HEAD_SECONDS:.0f} seconds",
        connection.__name__,
    )
    yield "Security events of a person", f"kept {events._RETENTION.days} days", events.__name__
    nobody = events._RETENTION_OF_NOBODY.days
    yield "Refused sign-ins of unknown addresses", f"kept {nobody} days, without the address", events.__name__
    megabytes = mailbox._LARGEST_MAIL_BYTES // 1024**2
    yield "A mail in the embedded mailbox", f"{megabytes} MiB", mailbox.__name__


def _limits_of_services() -> Iterator[tuple[str, str, str]]:
    yield "Kinds of a service", f"{services.MOST_KINDS}", services.__name__
    yield "Levels of a service", f"{services.MOST_LEVELS}", services.__name__
    yield "Length of an item's name", f"{items.LONGEST_NAME} characters", items.__name__
    yield "How deep lists and objects lie in what an item holds", f"{items.DEEPEST}", items.__name__
    yield "Labels of an item", f"{labels.MOST_LABELS}", labels.__name__
    yield "Parts of a selector", f"{labels.MOST_REQUIREMENTS}", labels.__name__
    yield "Items that one item may name", f"{items.MOST_REFERENCES}", items.__name__
    yield (
        "Items in one answer to a service that follows them",
        f"{item_watch.MOST_CHANGES}",
        item_watch.__name__,
    )
    yield "Statuses in one report of a service", f"{item_watch.MOST_STATUSES}", item_watch.__name__
    yield (
        "What a service says of an item",
        f"{items.LARGEST_STATUS_BYTES // 1024} KiB as JSON",
        items.__name__,
    )
    yield "Usage records in one report of a service", f"{usage.MOST_RECORDS:,}", usage.__name__
    yield "How late a usage record may come", f"{usage.LATEST.days} days", usage.__name__
    yield "Items changed at once", f"{item_apply.MOST_AT_ONCE}", item_apply.__name__
    most = f"{cloud_accounts.MOST_CLOUD_ACCOUNTS:,} of each cloud in an account"
    yield "Cloud accounts", most, cloud_accounts.__name__
    yield "What an item holds", f"{items.LARGEST_SPEC_BYTES // 1024} KiB as JSON", items.__name__


def _limits_of_factors() -> Iterator[tuple[str, str, str]]:
    yield "Length of a second factor's name", f"{factors.LONGEST_NAME} characters", factors.__name__
    yield "Authenticator apps of a person", f"{totp_enrolment.MOST_APPS}", totp_enrolment.__name__
    yield "Passkeys of a person", f"{passkeys.MOST_PASSKEYS}", passkeys.__name__
    minutes = int(passkeys.CHALLENGE_FOR.total_seconds() // 60)
    yield "Answering what a browser is asked for a passkey", f"{minutes} minutes", passkeys.__name__
    hours = int(totp_enrolment.CONFIRM_WITHIN.total_seconds() // 3600)
    tries = f"{hours} hour, and {totp_enrolment.MOST_WRONG_CODES} wrong codes"
    yield "Confirming an authenticator app", tries, totp_enrolment.__name__
    yield "Recovery codes of a person", f"{recovery_codes.HOW_MANY}", recovery_codes.__name__
