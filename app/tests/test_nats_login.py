"""What a login tells before it has a server; with one, see tests/integration/test_nats_tls.py."""

from pathlib import Path

import pytest

from marketprism.errors import ConfigurationError
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from marketprism.settings import NatsSettings, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "nats-storage").write_text(NKey.generate().seed)
    return Settings(credentials_directory=tmp_path)


def test_a_user_has_an_inbox_of_its_own(settings: Settings) -> None:
    options = NatsLogin.of(settings, "storage").options()
    assert options["inbox_prefix"] == "_INBOX.storage"
    assert options["servers"] == "nats://127.0.0.1:4222"
    assert "tls" not in options


def test_a_credential_that_is_no_seed_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "nats-storage").write_text("a password")
    with pytest.raises(ConfigurationError, match=r"credential 'nats-storage' cannot be used.*run the deployment again"):
        NatsLogin.of(settings, "storage")


def test_an_authority_that_cannot_be_read_is_named(settings: Settings, tmp_path: Path) -> None:
    nats = NatsSettings(url="tls://127.0.0.1:4222", ca_file=tmp_path / "ca.crt")
    secured = settings.model_copy(update={"nats": nats})
    with pytest.raises(ConfigurationError, match=r"nats\.ca_file .*ca\.crt cannot be used: .*No such file"):
        NatsLogin.of(secured, "storage")
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"nats\.ca_file .*ca\.crt cannot be used"):
        NatsLogin.of(secured, "storage")


def test_tls_is_spoken_before_anything_is_believed(settings: Settings) -> None:
    secured = settings.model_copy(update={"nats": NatsSettings(url="tls://127.0.0.1:4222")})
    options = NatsLogin.of(secured, "storage").options()
    assert options["tls_handshake_first"] is True
    assert options["tls"].check_hostname is True
