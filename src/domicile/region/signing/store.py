"""The region's signing keys; the private part is sealed. Their SQL is that of every plane (`infra/signing_keys.py`)."""

from domicile.infra.planes import NODE_TABLE, REGION
from domicile.infra.signing_keys import define_signing_keys

signing_keys = define_signing_keys("signing_keys", REGION, info=NODE_TABLE)
