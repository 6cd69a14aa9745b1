"""Which engine converts, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from ls_trajedit.commands.parameters import Option
from ls_trajedit.converters.shards import MOST_SHARDS
from ls_trajedit.traces.errors import UsageError

if TYPE_CHECKING:
    from ls_trajedit.output.summary import Summary

__all__ = ["EngineOptions"]

_SHARDS = 32


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Whether a Ray cluster converts, which one, and into how many shards. Raises UsageError for options that are about
    Ray when nothing else is."""

    engine: Annotated[
        Literal["local", "ray"],
        Option("--engine", help="local: this machine alone; ray: a Ray cluster, which writes files as shards."),
    ] = "local"
    ray_address: Annotated[
        str | None,
        Option(
            "--ray-address",
            help="The cluster for --engine ray.  [default: RAY_ADDRESS, else Ray is started here for this run]",
            metavar="HOST:PORT",
            show_default=False,
        ),
    ] = None
    shards: Annotated[
        int | None,
        Option(
            "--shards",
            help=f"How many files --engine ray divides the rows of a file into.  [default: {_SHARDS}]",
            metavar="N",
            min=1,
            max=MOST_SHARDS,
            show_default=False,
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.engine != "ray" and (self.ray_address is not None or self.shards is not None):
            raise UsageError("--ray-address and --shards are about a Ray cluster; give --engine ray as well")

    def on_ray(self) -> Callable[..., Summary]:
        """What converts as `convert` does, on the cluster."""
        from ls_trajedit.convert.ray_engine import RayEngine, convert_on_ray

        return partial(convert_on_ray, engine=RayEngine(self.ray_address, self.shards or _SHARDS))
