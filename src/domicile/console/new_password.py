"""What every page needs on which a password is chosen."""

from domicile.console.pages import STRENGTH, Values
from domicile.identity.plane import IdentityPlane


def new_password(identity: IdentityPlane, *, mfa_enabled: bool = False) -> Values:
    """Give how short it may be, alone or beside a second factor, and the script that tells how strong it is."""
    wanted = identity.settings.passwords
    shortest = wanted.min_length_with_factor if mfa_enabled else wanted.min_length
    return {"shortest": shortest, "scripts": (STRENGTH,)}
