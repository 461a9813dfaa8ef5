"""Hashes as other systems make them, as cheap as each scheme allows."""

from typing import Any, cast

import bcrypt
from argon2 import PasswordHasher as Argon2
from passlib import registry

_COSTS = {"scrypt": {"rounds": 4}, "sha256_crypt": {"rounds": 1000}, "sha512_crypt": {"rounds": 1000}}
OF_LIBRARY = (
    *("pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512", "django_pbkdf2_sha1", "django_pbkdf2_sha256"),
    *("scrypt", "sha256_crypt", "sha512_crypt"),
)
SCHEMES = (*OF_LIBRARY, "bcrypt", "argon2id", "django_argon2")


def old_hash(scheme: str, password: str) -> str:
    """Hash a password as another system would."""
    if scheme == "bcrypt":
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    if scheme in {"argon2id", "django_argon2"}:
        text = Argon2(time_cost=1, memory_cost=64, parallelism=2).hash(password)
        return f"argon2{text}" if scheme == "django_argon2" else text
    handler = cast("Any", registry.get_crypt_handler(scheme))
    return handler.using(**_COSTS.get(scheme, {"rounds": 10})).hash(password)
