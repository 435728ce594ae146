"""Every error that MarketPrism raises on purpose.

The branches follow what the reader of the message can do::

    MarketPrismError
    ├── ConfigurationError   edit a file or a variable, then start again
    │   └── RightsError      nothing is known to be wrong; ask again as root
    ├── ContractError        the value cannot be stored exactly; the sender or the contract has to change
    └── UnavailableError     something outside is away; trying again later can succeed
"""

MARK = "marketprism: "
"""Before the error that ends a command, on standard error: people and the doctor know it by that."""


class MarketPrismError(Exception):
    """Base of every deliberate error.

    Args:
        message: What is wrong, with the field and the value.
        remedy: The operator's next step, one sentence.
        code: The server's number of the error, where it has one.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


class ConfigurationError(MarketPrismError):
    """A setting is unknown, missing or out of range."""

    exit_code = 2


class RightsError(ConfigurationError):
    """This user may not read the settings."""

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy="run it with sudo, or correct the rights of the file")


class ContractError(MarketPrismError):
    """A value does not fit the contract (a number, a symbol, a message)."""


class UnavailableError(MarketPrismError):
    """A service outside this process did not answer."""
