import pytest

from inference.latency import STAGES, LatencyRecord


@pytest.fixture
def record() -> LatencyRecord:
    record = LatencyRecord()
    for milliseconds in range(100, 0, -1):
        record.add("landmarks", milliseconds / 1000)
    return record


def test_percentiles_of_1_to_100_ms(record):
    row = record.summary()["landmarks"]
    assert row.pop("count") == 100
    assert row == pytest.approx({"p50": 50.5, "p95": 95.05, "p99": 99.01, "max": 100.0})


def test_a_stage_that_never_ran_has_no_figures(record):
    assert record.summary()["drawing"] == {"count": 0}


def test_table_has_a_line_for_each_stage(record):
    header, *lines = record.table().splitlines()
    assert header.split() == ["milliseconds", "count", "p50", "p95", "p99", "max"]
    assert [line.split()[0] for line in lines] == list(STAGES)
    assert lines[1].split() == ["landmarks", "100", "50.5", "95.0", "99.0", "100.0"]
    assert lines[4].split() == ["drawing", "0", "-", "-", "-", "-"]
