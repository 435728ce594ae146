from marketprism.sim.deribit.credits import CreditMeter
from marketprism.sim.deribit.rules import DERIBIT_RULES

SUBSCRIBE = "public/subscribe"


def test_ten_subscriptions_at_once_are_affordable_and_the_eleventh_is_not() -> None:
    meter = CreditMeter(DERIBIT_RULES)
    assert [meter.charge("a", SUBSCRIBE, 0.0) for _ in range(11)] == [True] * 10 + [False]


def test_credits_flow_back_with_time_so_that_3_subscriptions_a_second_go_on_for_ever() -> None:
    meter = CreditMeter(DERIBIT_RULES)
    for _ in range(10):
        meter.charge("a", SUBSCRIBE, 0.0)
    assert not meter.charge("a", SUBSCRIBE, 0.29)
    assert meter.charge("a", SUBSCRIBE, 0.3)
    assert all(meter.charge("a", SUBSCRIBE, 0.3 + each / 3) for each in range(1, 60))


def test_methods_without_credits_of_their_own_share_one_pool() -> None:
    meter = CreditMeter(DERIBIT_RULES)
    assert all(meter.charge("a", f"public/{each % 2}", 0.0) for each in range(100))
    assert not meter.charge("a", "public/get_time", 0.0)
    assert meter.charge("a", SUBSCRIBE, 0.0)


def test_each_address_has_credits_of_its_own() -> None:
    meter = CreditMeter(DERIBIT_RULES)
    while meter.charge("a", SUBSCRIBE, 0.0):
        pass
    assert meter.charge("b", SUBSCRIBE, 0.0)
