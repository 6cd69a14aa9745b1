"""Lets several commands take the same group of options, which a dataclass declares once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any, get_type_hints

__all__ = ["with_option_groups"]


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer takes it.

    Each parameter that is annotated with a dataclass gives way, where it stands, to the options that the fields of the
    dataclass declare: a field's annotation and default are those of the option. The command gets the dataclass, filled
    from the command line.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, type[Any]] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation)
    }

    @wraps(command)
    def run(**values: object) -> None:
        for name, group in groups.items():
            values[name] = group(**{option.name: values.pop(option.name) for option in fields(group)})
        command(**values)

    options: list[Parameter] = []
    for name, parameter in signature.parameters.items():
        options.extend(_options(groups[name]) if name in groups else [parameter])
    # What `inspect.signature` gives Typer in place of that of `command`.
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [option.replace(kind=Parameter.KEYWORD_ONLY) for option in options]
    )
    return run


def _options(group: type[Any]) -> Iterator[Parameter]:
    # Resolved here, because annotations are strings where `annotations` is imported from `__future__`.
    annotations = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotations[field.name])
