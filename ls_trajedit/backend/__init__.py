"""The ML backend: a small web service that prefills every editor with the original text.

It speaks the protocol of Label Studio's ML backends and keeps no state: each request brings its labeling config, so
any number of these can run side by side.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MODEL_VERSION"]

MODEL_VERSION: Final = "ls-trajedit"
"""What the backend reports as its model version. Label Studio asks for new predictions of every task whenever this
changes, so it is no release number: the same task and config have always had the same prediction."""
