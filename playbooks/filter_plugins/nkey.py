"""Filter of the playbooks: what NATS knows a user by."""

from __future__ import annotations

from collections.abc import Callable


def nkey_public(seed: str) -> str:
    """Return the public key of a seed."""
    from marketprism.nkey import NKey  # noqa: PLC0415 - a managed host loads this file too, without the application

    return NKey(seed).public


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[[str], str]]:
        """Return the filters by name."""
        return {"nkey_public": nkey_public}
