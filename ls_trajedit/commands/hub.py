"""The options of `pull` and `convert` that send the files on to the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ls_trajedit.commands.shared_options import say
from ls_trajedit.hub.push import HubTarget, connect_hub, push_to_hub
from ls_trajedit.traces.errors import UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["HubLicense", "HubPublic", "OpenHub", "PushToHub", "open_hub"]

PushToHub = Annotated[
    str | None,
    typer.Option("--push-to-hub", help="Push the files to this dataset on the Hugging Face hub.", metavar="OWNER/NAME"),
]
HubPublic = Annotated[
    bool, typer.Option("--hub-public", help="Let everyone read that dataset; it is private otherwise.")
]
HubLicense = Annotated[
    str | None,
    typer.Option("--hub-license", help="The licence that its card names, such as cc-by-4.0.", metavar="LICENCE"),
]


@dataclass(frozen=True)
class OpenHub:
    """A hub that files can be pushed to, and where."""

    api: HfApi
    target: HubTarget

    def push(self, folder: Path) -> None:
        """Pushes the files in `folder` and says on standard error what that did. Raises what `push_to_hub` raises."""
        done = push_to_hub(self.api, self.target, folder)
        kind = "public" if done.is_public else "private"
        files = f"{done.changed} file{'' if done.changed == 1 else 's'}"
        say(f"{done.url} ({kind}): {f'pushed {files}' if done.changed else 'up to date'}")


def open_hub(repo: str | None, is_public: bool, license_: str | None) -> OpenHub | None:
    """The hub that the options name; None when nothing is to be pushed.

    Raises UsageError when they do not fit together, SetupError when there is no token or no huggingface_hub: before
    anything is pulled.
    """
    if repo is None:
        if is_public or license_:
            raise UsageError("--hub-public and --hub-license say how to push; give --push-to-hub OWNER/NAME as well")
        return None
    target = HubTarget(repo, is_public, license_)
    return OpenHub(connect_hub(), target)
