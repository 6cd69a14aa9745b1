"""Prints the lowest version that setup.cfg allows of each package that ls-trajedit needs, as constraints for pip."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["floors"]

_SETUP = Path(__file__).parents[2] / "setup.cfg"


def floors() -> Iterator[tuple[str, str]]:
    """Each package with its lowest version. Raises ValueError for a requirement that is not `name>=version`."""
    config = configparser.ConfigParser()
    config.read(_SETUP, encoding="utf-8")
    extras = config["options.extras_require"]
    for part in (config["options"]["install_requires"], extras["hub"], extras["parquet"]):
        for line in filter(None, part.splitlines()):
            name, floor = line.split(">=")
            yield name, floor


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}=={floor}\n" for name, floor in floors())
