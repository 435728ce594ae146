from marketprism.sim.okx.rules import OKX_RULES


def test_the_limits_are_the_documented_ones() -> None:
    assert (OKX_RULES.subscribe_seconds, OKX_RULES.silence_seconds, OKX_RULES.keepalive_seconds) == (30, 30, 60)
    assert (OKX_RULES.connections_per_second, OKX_RULES.requests_per_hour) == (3, 480)
    assert OKX_RULES.request_bytes == 65_536
