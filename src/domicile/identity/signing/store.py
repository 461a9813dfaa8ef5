"""Identity's signing keys; the private part is sealed. Their SQL is that of every plane (`infra/signing_keys.py`)."""

from domicile.infra.planes import IDENTITY
from domicile.infra.signing_keys import define_signing_keys

identity_signing_keys = define_signing_keys("identity_signing_keys", IDENTITY, info={})
