import pytest

from marketprism.collector.groups import unwrapped
from marketprism.errors import ConfigurationError


def test_the_deliberate_error_is_raised_instead_of_its_groups() -> None:
    wrong = ConfigurationError("binance-spot does not list 'BTC-USTD'", remedy="correct it")
    with pytest.raises(ConfigurationError, match="BTC-USTD"), unwrapped():
        raise BaseExceptionGroup("outer", [KeyError("x"), BaseExceptionGroup("inner", [wrong])])


def test_a_group_of_bugs_stays_as_it_is() -> None:
    with pytest.raises(ExceptionGroup), unwrapped():
        raise ExceptionGroup("outer", [KeyError("bug")])
