"""The names of all metrics that the services expose, and those in a PromQL expression."""

import ast
import inspect
import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry

from marketprism.contract.catalog import DATA_TYPES, STREAMS
from marketprism.ops.doctor.metrics import PROBLEM_METRIC
from marketprism.storage import cold_service, service
from marketprism.storage.metrics import StorageMetrics
from tests.telemetry.test_metrics import registry

BY_OTHERS = {
    "up",
    "probe_success",
    "node_cpu_seconds_total",
    "node_disk_read_bytes_total",
    "node_disk_written_bytes_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_files",
    "node_filesystem_files_free",
    "node_filesystem_size_bytes",
    "node_load1",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "node_pressure_cpu_waiting_seconds_total",
    "node_pressure_io_waiting_seconds_total",
    "node_pressure_memory_waiting_seconds_total",
}
"""Of Prometheus and its exporters; molecule/monitoring asks a running Prometheus for those of the latter."""


def names(expression: str) -> set[str]:
    """Return the metrics in an expression: names that are no functions, labels, words of PromQL or texts."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring) \([^)]*\)', " ", expression)
    found = re.findall(r"\b([a-zA-Z_]\w+)\b(?!\s*\()", bare)
    return set(found) - {"and", "or", "unless", "by", "without", "on"}


def _gauges_when_asked() -> Iterator[str]:
    """Yield the names that the storage services compute when somebody asks; making one needs its servers."""
    for module in (service, cold_service):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef) and node.name == "_gauges":
                returned = next(each.value for each in ast.walk(node) if isinstance(each, ast.Return))
                assert isinstance(returned, ast.Dict)
                yield from (
                    f"marketprism_storage_{key.value}" for key in returned.keys if isinstance(key, ast.Constant)
                )


def _samples(of: CollectorRegistry) -> set[str]:
    return {sample.name for metric in of.collect() for sample in metric.samples}


METRICS = {
    *_samples(registry()),
    *_samples(StorageMetrics(streams=STREAMS, data_types=DATA_TYPES).registry),
    *_gauges_when_asked(),
    PROBLEM_METRIC,
    "marketprism_job_last_success_timestamp_seconds",  # roles/maintenance/templates/succeeded.sh.j2
}
