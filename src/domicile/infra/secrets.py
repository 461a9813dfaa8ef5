"""Secrets: a text that does not print, the root key, and what is derived from it (HKDF, RFC 5869; AES-GCM, NIST SP 800-38D)."""

import hashlib
import hmac
import os
import secrets
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domicile.kernel.ids import base62, random_base62

_KEY_BYTES = 32
_NONCE_BYTES = 12


class SecretText:
    """A text that shows itself only to who asks for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself; never to a log, an error or a page."""
        return self._text

    def __repr__(self) -> str:
        return "SecretText(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(self._text)


class Keyring:
    """The root key and everything derived from it, one independent key per purpose and plane."""

    def __init__(self, root: bytes) -> None:
        if len(root) < _KEY_BYTES:
            raise ValueError("the root key must have at least 32 bytes")
        self._root = root

    def __repr__(self) -> str:
        return "Keyring(…)"

    def derive(self, purpose: str) -> bytes:
        """Derive the 256-bit key of one purpose, such as `api-key de-1`."""
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(
            self._root
        )

    def hasher(self, purpose: str) -> "KeyedHash":
        """Make the keyed hash of one purpose."""
        return KeyedHash(self.derive(f"hash {purpose}"))

    def sealer(self, purpose: str) -> "Sealer":
        """Make the sealer of one purpose."""
        return Sealer(self.derive(f"seal {purpose}"))


class KeyedHash:
    """HMAC-SHA256 under a key of its own (RFC 2104), for secrets of full entropy and for what must be authentic."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "KeyedHash(…)"

    def of(self, text: str) -> bytes:
        """Hash a text to 32 bytes."""
        return hmac.digest(self._key, text.encode(), "sha256")


class Sealer:
    """Encrypts what must be read again (AES-256-GCM), bound to a context that must be named again to open it."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt; the result is longer by 28 bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Decrypt what was sealed in the same context; ValueError if anything was changed."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise ValueError(
                "the sealed value was changed, or sealed in another context or with another key"
            ) from None


def load_root_key(path: Path) -> Keyring:
    """Read the root key file (64 hexadecimal digits), making it on the first start, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, secrets.token_hex(_KEY_BYTES))
    try:
        text = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        text = ""
    return read_root_key(text, source=str(path))


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, unless it is there already.

    Made under a temporary name and linked into place, so that two processes that start at once agree on one text.
    """
    # No process id in the name: in containers that share a folder, several processes have the same one.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def read_root_key(text: str, *, source: str) -> Keyring:
    """Read a root key; ValueError, which names the source and shows nothing of the text, for what is none."""
    try:
        return Keyring(bytes.fromhex(text))
    except ValueError:
        raise ValueError(f"{source} must hold at least 64 hexadecimal digits") from None


def new_link_token() -> str:
    """Draw the secret of a link (256 bits), safe in a URL path."""
    return secrets.token_urlsafe(32)


def with_checksum(body: str) -> str:
    """Append six base-62 characters of CRC-32, by which secret scanners tell ours from noise."""
    return body + base62(zlib.crc32(body.encode()), width=6)


def has_checksum(text: str) -> bool:
    """Tell whether a text ends in the checksum of what precedes it."""
    return len(text) > 6 and with_checksum(text[:-6]) == text


def new_api_key_secret() -> SecretText:
    """Draw the secret of an API key: 43 base-62 characters (256 bits) and their checksum."""
    return SecretText(with_checksum(random_base62(43)))


SERVICE_TOKEN = "dsv_"  # noqa: S105  # how the credentials of services begin


def new_service_token() -> SecretText:
    """Draw the credential of a service of the platform: a prefix, 43 base-62 characters (256 bits) and their checksum."""
    return SecretText(SERVICE_TOKEN + with_checksum(random_base62(43)))


def digest(data: bytes) -> bytes:
    """Fingerprint bytes that are no secret by themselves (SHA-256)."""
    return hashlib.sha256(data).digest()
