"""Key pairs of NATS users, against the pair that the server's documentation shows."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from marketprism.nkey import NKey

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


def test_a_seed_has_the_public_key_that_the_server_knows() -> None:
    assert NKey(SEED).public == PUBLIC


def test_a_signature_is_of_the_nonce_alone() -> None:
    signature = base64.b64decode(NKey(SEED).sign("nonce"))
    public = Ed25519PublicKey.from_public_bytes(base64.b32decode(PUBLIC)[1:33])
    public.verify(signature, b"nonce")
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"another")


def test_a_generated_pair_is_new_and_can_be_read_again() -> None:
    made = NKey.generate()
    assert NKey(made.seed).public == made.public
    assert made.public != NKey.generate().public
    assert (len(made.seed), made.seed[:2], len(made.public), made.public[0]) == (58, "SU", 56, "U")


@pytest.mark.parametrize(
    "text",
    ["", "secret", PUBLIC, SEED[:-4] + "AAAA", SEED.replace("CSS", "CST"), SEED.lower(), "SAA" + SEED[3:]],
    ids=["nothing", "a password", "a public key", "its checksum", "a letter", "small letters", "another kind"],
)
def test_what_is_no_users_seed_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller names the credential
        NKey(text)
