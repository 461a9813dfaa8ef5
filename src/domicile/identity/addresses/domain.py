"""What a change of address is: asked for, completed by its link, and for some days undone by another link."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.email_address import EmailAddress
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class EmailChange:
    """A user wants another address than the one that they had when they asked."""

    id: str
    user_id: UserId
    session_id: str
    """In which it was asked for; it goes on when the change is completed."""
    former: EmailAddress
    former_since: datetime | None
    """When somebody else had given the former address up; None: nobody did."""
    wanted: EmailAddress
    created_at: datetime
    expires_at: datetime
    """Until when the new address can be proved."""
    undo_until: datetime
    completed_at: datetime | None = None
    """None: the new address is not proved, or was not in time."""
