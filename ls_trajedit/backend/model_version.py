"""What the backend reports as its model version. A module of its own, because `push` needs it without the service."""

from __future__ import annotations

from typing import Final

__all__ = ["MODEL_VERSION"]

MODEL_VERSION: Final = "ls-trajedit"
"""Label Studio asks for new predictions of every task whenever this changes, so it is not a release number: the same
task and config have always had the same prediction."""
