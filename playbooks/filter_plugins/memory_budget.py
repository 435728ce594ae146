"""Filter of the playbooks: what each service may take of a box's memory. The only place that says so."""

from __future__ import annotations

from collections.abc import Callable

SMALLEST_MIB = 4096
"""RAM that the services are made for; on less they keep these limits, and the slice guards the box."""
LARGEST_MIB = 16384
"""RAM beyond which only ClickHouse has a use for more: a service that takes more has a leak."""

Budget = dict[str, dict[str, int]]


def memory_budget(memtotal_mb: float | str) -> Budget:
    """Return the limits of each service in MiB, by service and then by kind.

    ``high`` is where the kernel reclaims and slows down, ``max`` where it ends a process of the unit, ``runtime`` where
    a program saves by itself. What the services of one box may take without being slowed down fits below the slice's
    ``max``; what is above that is left to the system, the operator's session and monitoring.
    """
    box = int(memtotal_mb)
    share = min(max(box, SMALLEST_MIB), LARGEST_MIB)
    program = {"high": share // 8, "max": share * 3 // 16}
    return {
        "slice": {"high": box * 8 // 10, "max": box * 9 // 10},
        "clickhouse": {"runtime": box * 45 // 100},
        "nats": {"runtime": share // 8, "high": share * 3 // 16},
        "collector": dict(program),
        "storage": dict(program),
    }


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[[float | str], Budget]]:
        """Return the filters by name."""
        return {"memory_budget": memory_budget}
