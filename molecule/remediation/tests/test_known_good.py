"""What a repair brings back is what the last verb left, and only where it was refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import verb
from testinfra.host import Host

from .faults import COLLECTOR
from .test_remediation import CHOSEN, playbook, wait_for

pytestmark = pytest.mark.skipif(CHOSEN != "others", reason="takes minutes: set REMEDIATION_FAULTS=others")
KNOWN = "/var/lib/marketprism/remediation/known-good"
SETTINGS, ENVIRONMENT = "/etc/marketprism/marketprism.yml", "/etc/marketprism/marketprism.env"
USERS = "/etc/nats/users.conf"


@pytest.fixture
def new_settings(host: Host, tmp_path: Path) -> Iterator[Path]:
    """A machine with settings and secrets that are newer than its installation."""
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=DEBUG\n")
    verb("restart", f"marketprism_env_file={file}")
    verb("rotate-secrets", f"marketprism_env_file={file}")
    yield file
    verb("restart")


@pytest.mark.usefixtures("new_settings")
def test_settings_and_secrets_of_the_last_verb_are_kept_and_those_of_others_left_alone(host: Host) -> None:
    for file in (SETTINGS, ENVIRONMENT, USERS, "/etc/clickhouse-server/users.d/50-marketprism.xml"):
        assert host.run(f"cmp {file} {KNOWN}{file}").rc == 0, file
    host.check_output(
        f"echo '# on purpose' >> {USERS}; echo 'sauce: 1' >> {SETTINGS} && systemctl restart --no-block {COLLECTOR}"
    )
    try:
        wait_for(host, ["config-invalid"], 60)
        code, said = playbook("config-invalid", "remediation_apply=true")
        assert code == 0, said
        wait_for(host, [], 120)
        assert "sauce" not in host.file(SETTINGS).content_string
        assert "LOG_LEVEL=DEBUG" in host.file(ENVIRONMENT).content_string
        assert "# on purpose" in host.file(USERS).content_string
    finally:
        host.check_output(f"sed -i '/# on purpose/d' {USERS}; sed -i '/sauce/d' {SETTINGS}")
