"""The shapes of files for which no trainer is at hand, written down from their documentation."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

__all__ = ["validator"]

_FOLDER = Path(__file__).parent / "schemas"


def validator(name: str) -> Draft202012Validator:
    """What checks a value against `schemas/<name>.json`."""
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.json")}
    resources = [(file, Resource.from_contents(schema)) for file, schema in schemas.items()]
    return Draft202012Validator(schemas[f"{name}.json"], registry=Registry().with_resources(resources))
