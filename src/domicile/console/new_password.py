"""What every page needs on which a password is chosen."""

from domicile.console.pages import STRENGTH, Values
from domicile.identity.plane import IdentityPlane
from domicile.identity.users.domain import User


def new_password(identity: IdentityPlane, chooser: User | None = None) -> Values:
    """Give who chooses, how short theirs may be, and the script that tells how strong it is; None: somebody who is no user yet."""
    wanted = identity.settings.passwords
    is_beside_factor = chooser is not None and chooser.mfa_enabled
    shortest = wanted.min_length_with_factor if is_beside_factor else wanted.min_length
    return {"chooser": chooser, "shortest": shortest, "scripts": (STRENGTH,)}
