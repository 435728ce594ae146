from marketprism.collector.skew import PANE_NS, ClockSkew

NOON_US = 1_791_374_400_000_000
NOON_NS = NOON_US * 1000
MILLISECOND_NS = 1_000_000


def skew_of(*differences_ms: int) -> ClockSkew:
    skew = ClockSkew()
    for difference in differences_ms:
        skew.add(NOON_US, NOON_NS + difference * MILLISECOND_NS)
    return skew


def test_the_shortest_way_counts() -> None:
    assert skew_of(40, 12, 900).seconds == 0.012


def test_a_clock_that_is_behind_makes_it_negative() -> None:
    assert skew_of(-1250, -1270).seconds == -1.27


def test_nothing_is_known_before_the_first_event() -> None:
    assert ClockSkew().seconds is None


def test_a_minimum_is_forgotten_after_two_panes() -> None:
    skew = skew_of(5)
    skew.add(NOON_US + PANE_NS // 1000, NOON_NS + PANE_NS + 50 * MILLISECOND_NS)
    assert skew.seconds == 0.005
    skew.add(NOON_US + 2 * PANE_NS // 1000, NOON_NS + 2 * PANE_NS + 60 * MILLISECOND_NS)
    assert skew.seconds == 0.05
    skew.add(NOON_US + 9 * PANE_NS // 1000, NOON_NS + 9 * PANE_NS + 70 * MILLISECOND_NS)
    assert skew.seconds == 0.07
