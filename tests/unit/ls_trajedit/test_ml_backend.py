"""The model for label-studio-ml where label-studio-ml is not installed."""

from __future__ import annotations

import importlib
import sys

import pytest


def test_its_absence_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "label_studio_ml", None)
    monkeypatch.delitem(sys.modules, "ls_trajedit.ml_backend", raising=False)
    with pytest.raises(ImportError, match=r"needs label-studio-ml .*pip install label-studio-ml==1\.0\.9 redis rq"):
        importlib.import_module("ls_trajedit.ml_backend")
