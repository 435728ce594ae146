"""The release runs from its link, its settings are valid and private, and drift is gone after the next run."""

from testinfra.host import Host

SEED, PASSWORD = 58, 32
"""Characters of an nkey's seed, and of a generated password."""


def test_the_command_runs_the_current_release(host: Host) -> None:
    """The command on PATH is the release that `current` names, and reads the settings."""
    target = host.check_output("readlink -f /usr/local/bin/marketprism")
    assert target.startswith("/opt/marketprism/releases/0.")
    assert "is valid" in host.check_output("marketprism config-check /etc/marketprism/marketprism.yml")


def test_drift_was_repaired(host: Host) -> None:
    """The side effect added a line by hand; the settings say again what the inventory says."""
    text = host.file("/etc/marketprism/marketprism.yml").content_string
    assert "log_level" not in text
    assert "source: simulated" in text


def test_settings_are_for_the_services_and_secrets_for_root(host: Host) -> None:
    """The services' group reads the settings; credentials are root's alone."""
    settings = host.file("/etc/marketprism/marketprism.yml")
    assert (settings.user, settings.group, settings.mode) == ("root", "marketprism", 0o640)
    directory = host.file("/etc/marketprism/credentials")
    assert (directory.user, directory.mode) == ("root", 0o700)
    for name, length in (("nats-admin", SEED), ("clickhouse-admin", PASSWORD), ("clickhouse-reader", PASSWORD)):
        secret = host.file(f"/etc/marketprism/credentials/{name}")
        assert (secret.user, secret.mode, len(secret.content_string)) == ("root", 0o600, length)


def test_a_wrong_setting_is_refused(host: Host) -> None:
    """What `validate` runs before a file is put in place says no to an unknown name."""
    host.check_output("printf 'sorce: live\\n' > /run/wrong.yml")
    answer = host.run("marketprism config-check /run/wrong.yml")
    assert answer.rc != 0
    assert "did you mean 'source'" in answer.stderr
