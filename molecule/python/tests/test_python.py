"""A virtual environment that works, from nothing but the system's packages."""

from __future__ import annotations


def test_a_virtual_environment_has_pip_and_runs(host) -> None:
    host.check_output("rm -rf /tmp/venv && /usr/bin/python3 -m venv /tmp/venv")
    assert host.check_output("/tmp/venv/bin/pip --version").startswith("pip ")
    host.check_output("/tmp/venv/bin/python -c 'import ssl, sqlite3, ctypes'")


def test_it_is_new_enough(host) -> None:
    version = host.check_output("/usr/bin/python3 -c 'import sys; print(*sys.version_info[:2])'")
    assert tuple(map(int, version.split())) >= (3, 11)


def test_the_role_told_later_plays_which_python_there_is(host) -> None:
    assert (
        host.file("/told").content_string
        == host.check_output("/usr/bin/python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
        + " /usr/bin/python3\n"
    )


def test_what_is_not_supported_is_refused_with_a_remedy(host) -> None:
    system, python = (host.file(path).content_string for path in ("/refused-system", "/refused-python"))
    assert "Slackware 15 is not supported" in system
    assert "too old, the application needs 3.99" in python
    for refusal in (system, python):
        assert "apt install" in refusal
        assert "dnf install" in refusal
        assert "brew install" in refusal
