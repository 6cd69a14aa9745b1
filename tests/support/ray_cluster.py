"""A Ray cluster of several nodes on this machine, which listens on 127.0.0.1 alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Nodes", "run_nodes"]

_STORE_BYTES = 80 << 20
# So that a dead node is found in a second or two, and not in fifteen.
_SYSTEM = {"health_check_period_ms": 500, "health_check_timeout_ms": 5000, "health_check_failure_threshold": 3}


@dataclass
class Nodes:
    """The nodes that run: a head and others, with one processor each."""

    address: str
    _cluster: Any = field(repr=False)
    _others: list[Any] = field(default_factory=list, repr=False)

    def add(self) -> None:
        """Starts one more."""
        self._others.append(self._cluster.add_node(**_arguments()))

    def kill(self) -> None:
        """Ends one that is not the head, all of its workers and what its object store holds, at once."""
        self._cluster.remove_node(self._others.pop(), allow_graceful=False)


@contextmanager
def run_nodes(count: int, environment: Mapping[str, str]) -> Iterator[Nodes]:
    """A cluster whose workers have this environment besides that of this process."""
    # Read when Ray is imported.
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"})
    from ray.cluster_utils import Cluster

    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        head = {**_arguments(), "include_dashboard": False, "_system_config": _SYSTEM}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            nodes = Nodes(cluster.address, cluster)
            for _ in range(count - 1):
                nodes.add()
            yield nodes
        finally:
            cluster.shutdown()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _arguments() -> dict[str, Any]:
    return {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": _STORE_BYTES}
