from marketprism.sim.weights import WeightMeter

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000  # on a full minute


def test_weight_is_counted_per_address_and_starts_anew_each_utc_minute() -> None:
    meter = WeightMeter(limit=100)
    assert meter.charge("a", 40, START_MS).used == 40
    assert meter.charge("a", 40, START_MS + MINUTE_MS - 1).used == 80
    assert meter.charge("b", 5, START_MS).used == 5
    assert meter.charge("a", 40, START_MS + MINUTE_MS).used == 40


def test_beyond_the_budget_a_client_waits_for_the_next_minute() -> None:
    meter = WeightMeter(limit=100)
    assert meter.charge("a", 100, START_MS).status == 200
    verdict = meter.charge("a", 1, START_MS + 45_000)
    assert (verdict.status, verdict.retry_after) == (429, 15)
    assert meter.charge("a", 1, START_MS + MINUTE_MS).status == 200


def test_going_on_after_the_refusal_is_a_ban_that_outlasts_the_minute() -> None:
    meter = WeightMeter(limit=1)
    verdicts = [meter.charge("a", 1, START_MS) for _ in range(12)]
    assert [verdict.status for verdict in verdicts] == [200] + [429] * 10 + [418]
    assert meter.charge("a", 1, START_MS + 119_000).status == 418
    assert meter.charge("a", 1, START_MS + 120_000).status == 200
