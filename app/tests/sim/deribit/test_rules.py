from marketprism.sim.deribit.rules import DERIBIT_RULES, Credits


def test_the_limits_are_the_documented_ones() -> None:
    assert (DERIBIT_RULES.connections, DERIBIT_RULES.shortest_heartbeat) == (32, 10)
    assert DERIBIT_RULES.credits_of("public/subscribe") == ("public/subscribe", Credits(3_000, 30_000, 10_000))
    assert DERIBIT_RULES.credits_of("public/test") == ("default", Credits(500, 50_000, 10_000))
