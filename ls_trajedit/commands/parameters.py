"""What a command takes from the command line: declared in its signature, parsed by click.

    def paint(
        *,
        wall: Annotated[str, Argument(help="Which wall.")],
        colour: Annotated[Literal["red", "blue"], Option("--colour", help="Which colour.")] = "red",
        brush: Brush,
    ) -> None:

A parameter that is annotated with a dataclass, such as `Brush`, stands for the options that the fields of the dataclass
declare, so that several commands can take the same ones. The command gets the dataclass, filled from the command line.
"""

# ruff: noqa: A002 - `help`, `min` and `max` are what click calls them

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

__all__ = ["Argument", "Option", "command_of"]

_NO_DEFAULT = inspect.Parameter.empty
_SIMPLE_TYPES: dict[Any, click.ParamType[Any]] = {
    str: click.STRING,
    int: click.INT,
    float: click.FLOAT,
    Path: click.Path(path_type=Path),
}


class Argument:
    """A value that has its place on the command line; a list takes all that come. `parser` makes the value of the text,
    and raises BadParameter; without it, the type of the parameter says how."""

    def __init__(self, *, help: str, metavar: str | None = None, parser: Callable[[Any], Any] | None = None) -> None:
        self._help = help
        self._metavar = metavar
        self._parser = parser

    def declared(self, name: str, hint: Any, default: Any) -> click.Parameter:
        """The parameter `name` of click, with values of the type `hint`."""
        kind, is_list = _kind_of(hint)
        return _Argument(
            [name],
            about=self._help,
            metavar=self._metavar,
            type=self._type(kind),
            nargs=-1 if is_list else 1,
            required=default is _NO_DEFAULT,
            **({} if is_list or default is _NO_DEFAULT else {"default": default}),
        )

    def _type(self, kind: Any) -> click.ParamType[Any]:
        if self._parser is not None:
            return click.types.FuncParamType(self._parser)
        return click.Choice(get_args(kind)) if get_origin(kind) is Literal else _SIMPLE_TYPES[kind]


class Option(Argument):
    """A value after one of the `names`, or after that of the parameter; a list takes one each time. It is at least
    `min` and at most `max`, or is read from the variable `envvar`. `check` raises BadParameter for a value that the
    type allows. The help shows the default, unless `show_default` says otherwise."""

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str | None = None,
        parser: Callable[[Any], Any] | None = None,
        min: float | None = None,
        max: float | None = None,
        envvar: str | None = None,
        show_default: bool = True,
        check: Callable[[Any], object] | None = None,
    ) -> None:
        super().__init__(help=help, metavar=metavar, parser=parser)
        self._names = names
        self._bounds: tuple[Any, Any] = (min, max)
        self._envvar = envvar
        self._show_default = show_default
        self._check = check

    def declared(self, name: str, hint: Any, default: Any) -> click.Parameter:
        """The parameter `name` of click, with values of the type `hint`."""
        kind, is_list = _kind_of(hint)
        of_value: dict[str, Any] = {"is_flag": True} if kind is bool else {"type": self._type(kind)}
        if not is_list and default is not _NO_DEFAULT:
            of_value["default"] = default
        return click.Option(
            [name, *(self._names or [f"--{name.replace('_', '-')}"])],
            help=self._help,
            metavar=self._metavar,
            envvar=self._envvar,
            show_envvar=self._envvar is not None,
            show_default=self._show_default,
            required=default is _NO_DEFAULT,
            multiple=is_list,
            callback=self._checked,
            **of_value,
        )

    def _type(self, kind: Any) -> click.ParamType[Any]:
        least, most = self._bounds
        if least is None and most is None:
            return super()._type(kind)
        return click.IntRange(least, most) if kind is int else click.FloatRange(least, most)

    def _checked(self, context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if self._check is not None and value is not None:
            self._check(value)
        return value


def command_of(function: Callable[..., None], name: str) -> click.Command:
    """The command that calls `function` with what is on the command line. The docstring is its help."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {parameter: hint for parameter, hint in hints.items() if is_dataclass(hint)}
    parameters: list[click.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if group := groups.get(parameter.name):
            parameters.extend(_options(group))
        else:
            parameters.append(_declared(parameter.name, hints[parameter.name], parameter.default))

    def run(**given: Any) -> None:
        # click makes tuples, and an empty one where nothing is given.
        values = {name: list(value) or None if isinstance(value, tuple) else value for name, value in given.items()}
        for parameter, group in groups.items():
            values[parameter] = group(**{option.name: values.pop(option.name) for option in fields(group)})
        function(**values)

    return _Command(name, callback=run, params=parameters, help=inspect.getdoc(function))


class _Argument(click.Argument):
    """An argument with a help text, which click has had since 8.5."""

    def __init__(self, names: list[str], about: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.help = about


class _Command(click.Command):
    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: `format_options` writes them, as older versions of click call no other."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what every argument and every option is for."""
        arguments = [parameter for parameter in self.params if isinstance(parameter, _Argument)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(argument.make_metavar(ctx), argument.help or "") for argument in arguments])
        super().format_options(ctx, formatter)


def _options(group: type[Any]) -> Iterator[click.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield _declared(field.name, hints[field.name], _NO_DEFAULT if field.default is MISSING else field.default)


def _declared(name: str, annotation: Any, default: Any) -> click.Parameter:
    hint, declaration = get_args(annotation)
    parameter: click.Parameter = declaration.declared(name, hint, default)
    return parameter


def _kind_of(hint: Any) -> tuple[Any, bool]:
    """The type of a value, and whether there is a list of them."""
    if NoneType in get_args(hint):
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    return (get_args(hint)[0], True) if get_origin(hint) is list else (hint, False)
