"""The training formats, one module each. A new format is a new module and one line in this table."""

from __future__ import annotations

from collections.abc import Iterable

from ls_trajedit.converters.formats import (
    dpo,
    interchange,
    llamafactory,
    openai_dpo,
    openai_sft,
    prm,
    sft,
    trl,
    trl_dpo,
    trl_dpo_trajectory,
    trl_kto,
)
from ls_trajedit.converters.formats.base import Format

__all__ = ["ALL", "DEFAULT_FORMATS", "FORMATS", "formats_named"]

_MODULES = (
    interchange,
    sft,
    dpo,
    trl,
    trl_dpo,
    trl_dpo_trajectory,
    trl_kto,
    prm,
    openai_sft,
    openai_dpo,
    llamafactory,
)
FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in _MODULES}
"""Every format by its name, in the order in which files are written."""

DEFAULT_FORMATS = tuple(format_ for format_ in FORMATS.values() if not format_.is_for_training)
"""What is written when nothing is asked for: the interchange format."""

ALL = "all"


def formats_named(names: Iterable[str]) -> tuple[Format, ...]:
    """The formats of these names, each once, in the order in which files are written; `all` is every one.

    Raises ValueError, with the nearest name, for one that is not there.
    """
    wanted = set(names)
    for name in sorted(wanted - FORMATS.keys() - {ALL}):
        # Slow to load, and needed for this alone.
        from ls_trajedit.traces.options import nearest

        known = (*FORMATS, ALL)
        raise ValueError(f"`{name}` is no format{nearest(name, known)} (formats: {', '.join(known)})")
    return tuple(format_ for name, format_ in FORMATS.items() if name in wanted or ALL in wanted)
