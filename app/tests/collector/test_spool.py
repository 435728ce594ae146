from pathlib import Path

import pytest

from marketprism.collector import spool_files
from marketprism.collector.spool import Spool
from marketprism.collector.spool_records import Record, size
from marketprism.errors import ConfigurationError, UnavailableError

RECORD = Record("b0:1", "trade.x", b"x", 1)


def opened(directory: Path, limit: int = 1000) -> Spool:
    spool = Spool(directory, limit)
    for stream in ("MARKET_DATA", "ORDERBOOK_DELTA"):
        spool.queue(stream)
    spool.open()
    return spool


def test_it_finds_what_an_earlier_run_left_oldest_first_and_leaves_foreign_files_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MARKET_DATA-0000000012", "MARKET_DATA-0000000009", "ORDERBOOK_DELTA-0000000001", "OTHER-0000000001"):
        spool_files.write(tmp_path / f"{name}.v1.spool", 0, [RECORD])
    (tmp_path / "MARKET_DATA-0000000010.v2.spool").write_text("of a later version")
    spool = opened(tmp_path)
    assert spool.bytes == 3 * size(RECORD)
    assert spool.queue("MARKET_DATA").reading().path.name == "MARKET_DATA-0000000009.v1.spool"
    assert spool.queue("MARKET_DATA").target().path.name == "MARKET_DATA-0000000013.v1.spool"
    assert spool.queue("ORDERBOOK_DELTA").bytes == size(RECORD)
    said = capsys.readouterr()
    for name in ("OTHER-0000000001.v1.spool", "MARKET_DATA-0000000010.v2.spool"):
        assert name in said.out + said.err
        assert (tmp_path / name).exists()
    spool.close()


def test_the_bound_counts_all_streams(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit=100)
    for stream in ("MARKET_DATA", "ORDERBOOK_DELTA"):
        queue = spool.queue(stream)
        queue.written(queue.target(), 40, 1)
    assert spool.bytes == 80
    assert spool.has_room(20)
    assert not spool.has_room(21)
    spool.close()


def test_the_directory_is_made(tmp_path: Path) -> None:
    spool = opened(tmp_path / "a" / "spool")
    assert (tmp_path / "a" / "spool").is_dir()
    spool.close()


def test_two_collectors_never_share_a_directory(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(UnavailableError, match="another collector uses the spool"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_directory_that_cannot_be_used_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"collector\.spool_directory .*/file cannot be used: File exists"):
        opened(tmp_path / "file")
