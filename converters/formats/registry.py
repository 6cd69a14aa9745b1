"""Every format by its name. A new family of formats is a new module and one line in `_FAMILIES`."""

from __future__ import annotations

from collections.abc import Iterable

from ls_trajedit.converters.formats import atif, interchange, llamafactory, native, openai, prm, trl
from ls_trajedit.converters.formats.base import Format
from ls_trajedit.traces.spelling import nearest

__all__ = ["ALL", "FORMATS", "formats_named"]

_FAMILIES = (
    interchange.FORMATS,
    trl.FORMATS,
    prm.FORMATS,
    openai.FORMATS,
    llamafactory.FORMATS,
    atif.FORMATS,
    native.FORMATS,
)
FORMATS: dict[str, Format] = {format_.name: format_ for family in _FAMILIES for format_ in family}
"""Every format by its name, in the order in which files are written."""

ALL = "all"


def formats_named(names: Iterable[str]) -> tuple[Format, ...]:
    """The formats of these names, each once, in the order in which files are written; `all` names every one.

    Raises ValueError, with the nearest name, for a name that no format has.
    """
    wanted = set(names)
    for name in sorted(wanted - FORMATS.keys() - {ALL}):
        known = (*FORMATS, ALL)
        raise ValueError(f"`{name}` is not a format{nearest(name, known)} (formats: {', '.join(known)})")
    return tuple(format_ for name, format_ in FORMATS.items() if name in wanted or ALL in wanted)
