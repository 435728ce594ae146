"""Filter of the role preflight: variables that nothing reads, with the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

SIMILAR = 0.8
FOREIGN = ("__", "ansible_", "molecule_")


def unread(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the variables of an inventory that look like ours and are not, each with the nearest name that is.

    A name looks like ours when it starts as one of ours does, or is nearly the same. What else a user keeps in an
    inventory is the user's own business.
    """
    wanted = sorted(set(known))
    starts = tuple({f"{name.partition('_')[0]}_" for name in wanted})
    found = {}
    for name in sorted(set(names) - set(wanted)):
        if name.startswith(FOREIGN):
            continue
        near = difflib.get_close_matches(name, wanted, n=1, cutoff=0.0 if name.startswith(starts) else SIMILAR)
        if near:
            found[name] = near[0]
    return found


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        """Return the filters by name."""
        return {"unread": unread}
