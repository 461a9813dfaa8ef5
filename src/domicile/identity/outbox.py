"""The table of the identity plane's outbox, and the kinds of effects written there."""

from domicile.infra.outbox import define_outbox
from domicile.infra.planes import IDENTITY

outbox = define_outbox(IDENTITY, "user_id")
"""Its rows belong to a user or, before there is one, to the sign-up or reset that was asked for."""

SIGN_UP_MAIL = "sign-up-mail"
"""Tell an address of a sign-up; the subject is the sign-up."""
PASSWORD_RESET_MAIL = "password-reset-mail"  # noqa: S105  # the name of a mail
"""Send the link to a new password, if the address is known; the subject is the reset."""
PASSWORD_CHANGED_MAIL = "password-changed-mail"  # noqa: S105  # the name of a mail
"""Tell a user that their password was changed; the subject is the user."""
TOO_MANY_FAILURES_MAIL = "too-many-failures-mail"
"""Tell a user that somebody tries passwords or codes of theirs; the subject is the user, or nobody for an unknown address."""
EMAIL_PROOF_MAIL = "email-proof-mail"
"""Send the link that proves a new address or, where that is a user's, the news that somebody tried; the subject is the change."""
EMAIL_WARNING_MAIL = "email-warning-mail"
"""Tell the present address that another is wanted, with a link against it; the subject is the change."""
NOTICE_MAIL = "notice-mail"
"""Tell a user what happened to their credentials; the subject is the security event."""
EMAIL_CHANGED_MAIL = "email-changed-mail"
"""Tell the former address that another is in its place, with a link that undoes it; the subject is the change."""
