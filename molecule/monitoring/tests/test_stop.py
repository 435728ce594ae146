"""Where nothing is to be watched any more, what was installed for that stops; its data stays, and it comes back."""

import re

import pytest
from installation import verb
from testinfra.host import Host

UNITS = [f"prometheus{name}.service" for name in ("", "-alertmanager", "-blackbox-exporter", "-node-exporter")]


def states(host: Host) -> set[tuple[bool, bool]]:
    return {(host.service(unit).is_running, host.service(unit).is_enabled) for unit in UNITS}


@pytest.mark.parametrize(("wanted", "state"), [("false", (False, False)), ("true", (True, True))])
def test_what_watches_runs_where_it_is_wanted(host: Host, wanted: str, state: tuple[bool, bool]) -> None:
    extra = f'{{"monitoring_enabled": {wanted}}}'
    verb("monitoring", extra)
    assert states(host) == {state}
    assert re.search(r"mp-monitoring +: .*changed=0 ", verb("monitoring", extra))
    assert host.check_output("ls /var/lib/prometheus/metrics2")
