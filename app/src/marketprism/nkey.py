"""NKeys: the Ed25519 key pair of a NATS user. Its seed is the secret; the server knows the public key alone.

The package ``nkeys``, which nats-py would use, is published without a wheel, and hosts are given wheels alone.
"""

import base64
import binascii
import secrets
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED, _USER = 18 << 3, 20 << 3
"""What a key is says its first letter, five bits: S for a seed, U for a user. A seed says both."""
_SEED_PREFIX = bytes((_SEED | _USER >> 5, (_USER & 31) << 3))
_CHECKSUM_BYTES = 2


class NKey:
    """A user's key pair.

    Args:
        seed: Text that begins with ``SU``.

    Raises:
        ValueError: It is no user's seed, or a letter of it is wrong.
    """

    def __init__(self, seed: str) -> None:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
        if not body.startswith(_SEED_PREFIX) or checksum != _checksum(body):
            raise ValueError("not the seed of a NATS user")
        self._private = Ed25519PrivateKey.from_private_bytes(body[len(_SEED_PREFIX) :])
        self.seed = seed

    @classmethod
    def generate(cls) -> Self:
        """Make a new one."""
        return cls(_encoded(_SEED_PREFIX + secrets.token_bytes(32)))

    @property
    def public(self) -> str:
        """What the server knows the user by; begins with ``U``."""
        return _encoded(bytes((_USER,)) + self._private.public_key().public_bytes_raw())

    def sign(self, nonce: str) -> bytes:
        """Sign the server's nonce as the client sends it."""
        return base64.b64encode(self._private.sign(nonce.encode()))


def _encoded(body: bytes) -> str:
    return base64.b32encode(body + _checksum(body)).decode().rstrip("=")


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(_CHECKSUM_BYTES, "little")
