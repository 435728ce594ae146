from marketprism.collector.repeats import TELL_SECONDS, Repeats


def test_the_first_of_each_kind_is_told_at_once() -> None:
    repeats = Repeats()
    assert repeats.count("trade_number", 0.0) == 1
    assert repeats.count("depth_number", 0.0) == 1


def test_the_others_are_told_once_a_minute_with_their_number() -> None:
    repeats = Repeats()
    repeats.count("trade_number", 0.0)
    assert [repeats.count("trade_number", 1.0) for _ in range(500)] == [0] * 500
    assert repeats.count("trade_number", TELL_SECONDS) == 501
    assert repeats.count("trade_number", TELL_SECONDS + 1) == 0
