"""Every error that ls-trajedit raises on purpose, and the exit code with which it ends a command.

    TrajeditError
    ├── UsageError              2   the command line asks for something impossible
    ├── SetupError              3   configuration or credentials
    │   ├── OptionsError            trajedit.yaml
    │   ├── ConfigError             the labeling config
    │   ├── DeniedError             an object store refuses: credentials, permission
    │   └── RefusedError            Label Studio refuses: token, permission, no such project, backend address
    ├── ServerError             4   Label Studio cannot be reached, or keeps failing
    │   └── OutcomeUnknownError     whether it did what it was asked to do is not known
    └── DataError               5   data refused or incomplete
        ├── NotAnnotationsError     what was read is not anything that Label Studio exports
        ├── TooManyControlsError    a task for which a Repeater would make too many controls
        └── TraceError              traces that cannot be imported

The whole tree is on the lowest floor because every floor raises from it. Each message is written for a person: what
happened, where, what to do. It is one or two sentences, or one such line for each of several places.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ConfigError",
    "DataError",
    "DeniedError",
    "NotAnnotationsError",
    "OptionsError",
    "OutcomeUnknownError",
    "ReadError",
    "RefusedError",
    "ServerError",
    "SetupError",
    "TooManyControlsError",
    "TraceError",
    "TrajeditError",
    "UsageError",
]


class TrajeditError(Exception):
    """An error that ends a command. `exit_code` is the exit code of the process."""

    exit_code: ClassVar[int] = 1


class UsageError(TrajeditError):
    """The command line asks for something impossible."""

    exit_code = 2


class SetupError(TrajeditError):
    """Something is misconfigured, or a credential does not work."""

    exit_code = 3


class OptionsError(SetupError):
    """`trajedit.yaml` has a key that is not an option, or a value that the option does not take."""


class ConfigError(SetupError):
    """The labeling config cannot be read as an editor of traces."""


class DeniedError(SetupError):
    """What is at an address may not be read or written with the credentials that there are."""


class RefusedError(SetupError):
    """Label Studio answered, and refused."""


class ServerError(TrajeditError):
    """Label Studio cannot be reached, or keeps failing after retries."""

    exit_code = 4


class OutcomeUnknownError(ServerError):
    """A request that writes was sent, and nobody knows whether it was carried out: the same again may double it."""


class DataError(TrajeditError):
    """Data was refused, or is incomplete."""

    exit_code = 5


class NotAnnotationsError(DataError):
    """What was read is whole, and not anything that Label Studio exports."""


class TooManyControlsError(DataError):
    """A Repeater would make more controls for a task than ls-trajedit works out."""


class TraceError(DataError):
    """At least one trace cannot be imported."""


class ReadError(ValueError):
    """The source is of this format, and something in it cannot be read. The message is for a person: what, where, and
    which option settles it."""
