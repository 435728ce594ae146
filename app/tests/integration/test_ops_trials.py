"""One command shows whether a server answers."""

import pytest

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.errors import UnavailableError
from marketprism.ops import trials
from marketprism.settings import Settings
from tests.integration.servers import ClickHouseServer

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("streams")
async def test_nats_answers_with_what_it_holds(settings: Settings) -> None:
    said = await trials.nats(settings)
    assert said.startswith(f"NATS at {settings.nats.url} answers in ")
    assert "4 streams, 3 consumers" in said


async def test_an_absent_nats_is_told(settings: Settings) -> None:
    away = settings.model_copy(update={"nats": settings.nats.model_copy(update={"url": "nats://127.0.0.1:1"})})
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await trials.nats(away)


def test_clickhouse_answers_with_its_version(settings: Settings, clickhouse_server: ClickHouseServer) -> None:
    said = trials.clickhouse(settings)
    version = ClickHouseHttp(settings, "admin").rows("SELECT version() AS version")[0]["version"]
    assert said.startswith(f"ClickHouse {version} at 127.0.0.1:{clickhouse_server.http_port} answers SELECT 1 in ")
