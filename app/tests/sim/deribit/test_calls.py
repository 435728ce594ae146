import pytest

from marketprism.sim.deribit.calls import Desk
from marketprism.sim.deribit.credits import CreditMeter
from marketprism.sim.deribit.methods import Methods
from marketprism.sim.deribit.requests import RefusedRequestError
from marketprism.sim.deribit.rules import DERIBIT_RULES
from tests.sim.conftest import Serve, inject


async def test_an_answer_is_never_older_than_its_call(serve: Serve) -> None:
    async with serve() as simulator:
        desk = Desk(simulator.floor, Methods({}), CreditMeter(DERIBIT_RULES))
        received_us = desk.now_us() + 5_000_000
        times = desk.times(received_us)
    assert times.sent_us == times.received_us == received_us


async def test_credits_are_those_of_the_address(serve: Serve) -> None:
    async with serve() as simulator:
        desk = Desk(simulator.floor, Methods({}), CreditMeter(DERIBIT_RULES))
        for _ in range(10):
            desk.charge("a", "public/subscribe")
        with pytest.raises(RefusedRequestError) as refusal:
            desk.charge("a", "public/subscribe")
        desk.charge("b", "public/subscribe")
        inject(simulator, fault="too-many-requests", venue="deribit")
        with pytest.raises(RefusedRequestError, match="too_many_requests"):
            desk.charge("b", "public/test")
    assert refusal.value.code == 10_028
