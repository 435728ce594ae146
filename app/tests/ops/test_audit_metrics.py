"""An audit as metrics."""

from marketprism.contract.instruments import Source
from marketprism.ops.audit import Audit, Line
from marketprism.ops.audit_metrics import metrics_text
from marketprism.ops.holes import Verdict
from marketprism.ops.sequences import Count, Window
from tests.ops.test_audit import PLACE, delivery


def test_every_figure_has_its_labels() -> None:
    line = Line(data_type="trade", place=PLACE, count=Count(60, 2, 3), verdict=Verdict(9, 4, 1))
    window = Window(Source.LIVE, 0, 1_767_268_800_000_000)
    text = metrics_text(
        Audit(window, {"received": 70, "published": 60}, [delivery(lost=1)], [line], ["one", "two"])
    ).splitlines()

    def sample(name: str, value: int, **label: str) -> str:
        labels = {"data_type": "trade", "exchange": "binance", "market": "spot", "symbol": "BTC-USDT"} | label
        text = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
        return f"{name}{{{text}}} {value}.0"

    assert set(text) >= {
        sample("marketprism_audit_stored_rows", 60),
        sample("marketprism_audit_duplicate_rows", 2, kind="twice"),
        sample("marketprism_audit_duplicate_rows", 3, kind="repeated"),
        sample("marketprism_audit_missing_ids", 4, ledger="open"),
        sample("marketprism_audit_missing_ids", 1, ledger="healed"),
        sample("marketprism_audit_missing_ids", 4, ledger="nothing"),
        'marketprism_audit_messages{fate="lost",stream="MARKET_DATA"} 1.0',
        'marketprism_audit_messages{fate="pending",stream="MARKET_DATA"} 4.0',
        'marketprism_audit_collector_events{hop="received"} 70.0',
        'marketprism_audit_collector_events{hop="published"} 60.0',
        "marketprism_audit_differences 2.0",
        "marketprism_audit_until_seconds 1.7672688e+09",
    }
