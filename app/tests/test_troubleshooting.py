"""The guide for operators: its commands exist, and nothing of the earlier guide is without a successor."""

import re
from pathlib import Path

import pytest

from marketprism.contract.catalog import PORTS
from marketprism.ops.doctor.catalogue import PROBLEMS
from marketprism.settings import KNOBS
from tests.documented import CLONE, commands, require

DOCS = CLONE / "docs"
GUIDES = (DOCS / "troubleshooting.md", DOCS / "troubleshooting.zh.md")
UNITS = ("nats-server", "clickhouse-server", "marketprism-collector", "marketprism-storage@hot")
EARLIER = (
    "4222",
    "8222",
    "8123",
    "9000",
    "8085",
    "8087",
    "9093",
    "/tmp/nats-server.log",
    "/tmp/storage-hot.log",
    "/tmp/collector.log",
    "/tmp/nats-jetstream",
    "deployment.log",
    ".env",
    "venv/",
    "/var/log/clickhouse-server/clickhouse-server.log",
    "/etc/clickhouse-server/config.xml",
    "/swapfile",
    "services/data-storage-service",
    "services/data-collector",
    "data-storage-service.*main.py",
    "unified_collector_main.py",
    "发布成功",
    "写入成功",
    "WebSocket",
    "NATS 连接成功",
    "MarketPrism 健康检查失败",
    "pgrep -x nats-server",
    "pkill -x nats-server",
    "rm -rf /tmp/nats-jetstream",
    "nats-server -js",
    "clickhouse status",
    "clickhouse restart",
    "clickhouse-server --config-file",
    "curl https://clickhouse.com/",
    "clickhouse-client --query",
    "pip install --upgrade aiohttp",
    "pip install --upgrade nats-py",
    "python main.py --mode hot",
    "HEALTH_CHECK_PORT",
    "METRICS_PORT",
    "curl http://localhost:8222/healthz",
    "curl -s http://localhost:8222/jsz",
    "max_server_memory_usage",
    "tmux new-session",
    "ccxt",
    "MAX_CONCURRENT_CONNECTIONS",
    "WEBSOCKET_RECONNECT_DELAY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "LOG_LEVEL",
    "ping -c 10 www.okx.com",
    "nslookup www.okx.com",
    "iptables -L",
    "manage_all.sh health",
    "manage_all.sh restart",
    "OPTIMIZE TABLE",
    "tar -czf backup",
    "crontab -e",
    "uname -a && free -h && df -h",
    "one_click_deploy.sh --fresh",
)
"""What the guide of the earlier system names: ports, paths, processes, phrases of logs, commands."""


def table(text: str) -> dict[str, str]:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", text, re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_command_of_the_guide_exists(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    assert len(commands(text)) > 60
    for command in commands(text):
        require(command)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_everything_that_the_earlier_guide_names_has_its_successor(guide: Path) -> None:
    found = table(guide.read_text(encoding="utf-8"))
    assert set(EARLIER) <= set(found)
    inventory = "".join(path.read_text(encoding="utf-8") for path in CLONE.glob("roles/*/defaults/main.yml"))
    inventory += (CLONE / "playbooks" / "group_vars" / "all.yml").read_text(encoding="utf-8")
    for new in found.values():
        is_port = new.isdigit() and int(new) in PORTS.values()
        is_path = new.startswith("/") or new in {".env", "deployment.log"} or new.endswith(".timer")
        is_variable = re.search(rf"^{re.escape(new)}:", inventory, re.MULTILINE) is not None
        if not (is_port or is_path or is_variable or new in KNOBS):
            require(new)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_problem_has_its_place_and_its_page(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    linked = set(re.findall(r"\(runbooks/([a-z-]+)\.md\)", text))
    assert linked == set(PROBLEMS)
    assert all((DOCS / "runbooks" / f"{name}.md").exists() for name in linked)


def test_both_languages_have_the_same_commands() -> None:
    english, chinese = (commands(guide.read_text(encoding="utf-8")) for guide in GUIDES)
    assert [c.replace(" --lang zh", "") for c in chinese] == english
