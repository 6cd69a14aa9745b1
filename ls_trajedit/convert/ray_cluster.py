"""A Ray cluster for one run: the one at an address, or one that is started on this machine and ends with the run."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from ls_trajedit import __version__
from ls_trajedit.output.staging import Staging, mark_staging
from ls_trajedit.signals import defer_signals, ending_signals
from ls_trajedit.traces.errors import DataError, ServerError, SetupError, TrajeditError, UsageError

__all__ = ["check_nodes", "connected", "done_by_now", "explained", "result_of"]

_SECONDS_TO_CONNECT = 10.0
_SECONDS_TO_ANSWER = 60.0
_SECONDS_OF_WAITING = 1.0
# In one of Ray's own tries, nothing here runs.
_SECONDS_OF_ONE_TRY = "10"
_STDERR = 2
# Ray knows the names of its settings with this in front, in the environment.
_LISTEN_ON_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
# What a task returns stays on the node that made it. Otherwise all that is small would go to the driver.
_WORKER_SETTINGS = {"RAY_max_direct_call_object_size": "0"}
_LONGEST_FOLDER = 40


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to the cluster at `address` or at that in RAY_ADDRESS, or to one that is started here, listens on
    127.0.0.1 alone, and is gone with all of its files afterwards.

    Raises SetupError when Ray is not installed, is another version than that of the cluster, or knows no cluster there;
    UsageError for what is not an address; and ServerError when nothing answers.
    """
    # Before Ray is imported, which reads them. It tells nobody that it is used.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_py_gcs_connect_timeout_s", _SECONDS_OF_ONE_TRY)
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is None:
        with _folder() as folder, _initialized(_started(folder)) as ray:
            yield ray
    else:
        _check_address(address)
        with _initialized({"address": address}, address) as ray:
            yield ray


def _started(folder: Path) -> dict[str, Any]:
    """The arguments with which Ray starts on this machine."""
    os.environ[_LISTEN_ON_LOOPBACK] = "0"
    return {
        "address": "local",
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": str(folder),
    }


@contextmanager
def _folder() -> Iterator[Path]:
    # Sockets are in it, and the path of a socket has little room.
    where = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="ls-ray-", dir=where if len(where) <= _LONGEST_FOLDER else "/tmp"))  # noqa: S108 - private, with a name that nobody knows
    try:
        yield folder
    finally:
        with defer_signals():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _initialized(arguments: dict[str, Any], address: str = "") -> Iterator[Any]:
    ray = _imported()
    try:
        try:
            # What starts processes is not interrupted, and waiting for somebody else is.
            signals, seconds = (_own_signals(), 30) if address else (defer_signals(), 120)
            with signals, _time_limit(seconds), _without_native_messages():
                ray.init(
                    **arguments,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    runtime_env={"env_vars": _WORKER_SETTINGS},
                )
        except Exception as error:
            raise _not_connected(error, address) from None
        yield ray
    finally:
        with defer_signals(), suppress(Exception):
            ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Puts our handlers of signals back after the block, in which Ray installs its own."""
    before = {number: signal.getsignal(number) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _TookTooLong(BaseException):
    """Raised where Ray waits. It would take any other exception for a reason to try again."""


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    """Ends the block with TimeoutError when it takes too long: Ray would try for minutes."""

    def end(number: int, frame: FrameType | None) -> None:
        raise _TookTooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    except _TookTooLong:
        raise TimeoutError(f"no answer within {seconds} seconds") from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _without_native_messages() -> Iterator[None]:
    """Has what native code writes to standard error in the block go nowhere. What matters of it is raised as well."""
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(_STDERR)
        os.dup2(nowhere.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise SetupError("--engine ray needs Ray; run: pip install 'ls-trajedit[ray]'") from None
    return ray


def _check_address(address: str) -> None:
    """Raises ServerError when nobody listens there, which Ray would wait for a long time."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not port.isdigit():
        raise UsageError(
            f"--ray-address {address}: write it as HOST:PORT, as `ray start` shows it for other nodes, or `auto`"
        )
    host = host.strip("[]")
    try:
        socket.create_connection((host, int(port)), _SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no answer"
        raise ServerError(f"{address}: no Ray cluster can be reached there ({why}); check --ray-address") from None
    if _is_loopback(host) and not _listens_outside(int(port)):
        # Ray would ask the outer address of this machine instead.
        os.environ[_LISTEN_ON_LOOPBACK] = "0"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listens_outside(port: int) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Sends nothing: the system only says which of its addresses it would send from.
            probe.connect(("198.51.100.1", 9))
            outer = probe.getsockname()[0]
        socket.create_connection((outer, port), _SECONDS_TO_CONNECT).close()
    except OSError:
        return False
    return True


def _not_connected(error: Exception, address: str) -> TrajeditError:
    said = " ".join(str(error).split())
    if "ersion mismatch" in said:
        here = f"Ray {_imported().__version__} and Python {'.'.join(map(str, sys.version_info[:3]))}"
        return SetupError(f"{address}: the cluster has other versions than {here}, which are used here: {said}")
    if not address:
        return ServerError(f"Ray cannot be started on this machine: {said}")
    return ServerError(f"{address}: connecting to the Ray cluster failed: {said}")


def done_by_now(ray: Any, refs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Which of these references have their results, at the latest after a second, and which have not. Signals take
    effect afterwards, because Ray makes another exception of what their handlers raise."""
    with defer_signals():
        done, others = ray.wait(list(refs), num_returns=len(refs), timeout=_SECONDS_OF_WAITING)
    return done, others


def result_of(ray: Any, ref: Any) -> Any:
    """The result of a reference. It was there, but if it has been lost, it is made again. Raises what Ray raises."""
    while True:
        with defer_signals(), suppress(ray.exceptions.GetTimeoutError):
            return ray.get(ref, timeout=_SECONDS_OF_WAITING)


def check_nodes(ray: Any, staging: Staging) -> None:
    """Raises SetupError when a node of the cluster that could work lacks this version of ls-trajedit, or when it does
    not see the staging."""
    token = mark_staging(staging)
    probes = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):
            strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            probe = ray.remote(num_cpus=0, max_retries=1, scheduling_strategy=strategy)(_probe())
            probes[probe.remote(__version__, token and str(token))] = node["NodeManagerHostname"]
    waiting = list(probes)
    deadline = time.monotonic() + _SECONDS_TO_ANSWER
    while waiting and time.monotonic() < deadline:
        _, waiting = done_by_now(ray, waiting)
    for answer in probes.keys() - set(waiting):
        try:
            problem = result_of(ray, answer)
        except ray.exceptions.RayError:
            # Whoever has gone does no work.
            continue
        if problem:
            raise SetupError(f"node {probes[answer]} of the cluster: {problem}")


def _probe() -> Callable[[str, str | None], str | None]:
    """What finds out on a node what is wrong there. It is sent whole, not by the name of a module that may be missing
    there."""

    def probe(version: str, token: str | None) -> str | None:
        import importlib.util
        import pathlib

        if importlib.util.find_spec("ls_trajedit") is None:
            return f"ls-trajedit is not installed there; install ls-trajedit {version}"
        from ls_trajedit import __version__ as installed

        if installed != version:
            return f"it has ls-trajedit {installed}, and this is {version}; install the same version everywhere"
        if token and not pathlib.Path(token).exists():
            folder = pathlib.Path(token).parent.parent
            return f"{folder} is not the same folder there; give -o an address, or a folder that all nodes share"
        return None

    return probe


def explained(ray: Any, error: Exception, what: str) -> Exception:
    """What to raise for an exception that a task `what` ended with: an error in people's words when the cluster is at
    fault, what the task raised otherwise."""
    match error:
        case ray.exceptions.OutOfMemoryError():
            return DataError(f"{what}: no memory is left on a node; give more --shards, or nodes with more memory")
        case ray.exceptions.RuntimeEnvSetupError():
            return ServerError(f"{what}: a node cannot start workers: {' '.join(str(error).split())}")
        case ray.exceptions.RayTaskError():
            cause = error.cause
            if isinstance(cause, MemoryError):
                return DataError(f"{what}: no memory is left on a node; give more --shards, or nodes with more memory")
            return cause if isinstance(cause, Exception) else error
        case ray.exceptions.RayError():
            return ServerError(
                f"{what}: given up, because its workers were lost again and again ({type(error).__name__})"
            )
    return error
