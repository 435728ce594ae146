"""Lookup of the playbooks: the seed of a NATS user in a file, made at its first use as `password` makes passwords."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Ansible's way to find the lookup."""

    def run(self, terms: list[str], variables: object = None, **_options: object) -> list[str]:
        """Return the seed in each file."""
        return [seed(Path(term)) for term in terms]


def seed(path: Path) -> str:
    """Read the seed; where there is no file, make it, for its owner alone."""
    if not path.exists():
        _make(path)
    text = path.read_text().strip()
    if not text.startswith("SU"):
        raise AnsibleLookupError(
            f"{path} is no key of a NATS user, perhaps a password of an earlier release;"
            " playbooks/rotate-secrets.yml makes keys for all users and gives them to the hosts."
        )
    return text


def _make(path: Path) -> None:
    # A managed host, which only reads, has no application in the environment of its playbooks.
    from marketprism.nkey import NKey  # noqa: PLC0415

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as whole:
        whole.write(f"{NKey.generate().seed}\n")
        whole.flush()
        try:
            os.link(whole.name, path)
        except FileExistsError:  # another host's task made one meanwhile
            return
