"""The simulator serves its wire, survives a kill, and its unit is what the role says."""

import json
import time

from testinfra.host import Host
from units import exposes_at_most

UNIT = "marketprism-simulator.service"
URL = "http://10.98.0.29:8190"


def test_unit_is_hardened(host: Host) -> None:
    exposes_at_most(host, UNIT, 1.2)


def test_it_serves_a_book(host: Host) -> None:
    """A REST snapshot of both markets has levels on both sides."""
    script = (
        f"import sys, urllib.request; sys.stdout.write(urllib.request.urlopen('{URL}' + sys.argv[1]).read().decode())"
    )
    for path in ("/spot/api/v3/depth?symbol=BTCUSDT&limit=10", "/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=10"):
        book = json.loads(host.check_output(f"python3 -c \"{script}\" '{path}'"))
        assert len(book["bids"]) == 10
        assert len(book["asks"]) == 10


def test_a_killed_process_comes_back(host: Host) -> None:
    """The side effect killed it; it runs, and the hand edit of its unit is gone."""
    assert host.check_output(f"systemctl show --property=ActiveState --value {UNIT}") == "active"
    assert host.check_output(f"systemctl show --property=ProtectHome --value {UNIT}") == "yes"


def test_status_says_what_it_does(host: Host) -> None:
    """The one-line status names rate and clients; it comes every 5 s."""
    deadline = time.monotonic() + 15
    while "clients" not in (status := host.check_output(f"systemctl show --property=StatusText --value {UNIT}")):
        assert time.monotonic() < deadline, status
        time.sleep(1)
