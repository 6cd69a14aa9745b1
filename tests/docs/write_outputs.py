"""Updates the console blocks of the documentation: each `$ command`, followed by what it prints.

    python -m tests.docs.write_outputs

The commands of a page run in order, in a folder that at first holds only `examples/`; there is no Label Studio.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .pages import ROOT, page_names, read_page

__all__ = ["folder_with_examples", "in_shell", "with_outputs"]

_CONSOLE = re.compile(r"(?<=^```console\n)(?:.*\n)*?(?=```$)", re.MULTILINE)
_SECONDS = 60


def with_outputs(page: str) -> str:
    """The text of the page, with every output replaced by what its command prints now."""
    with TemporaryDirectory() as folder:
        folder_with_examples(Path(folder))
        return _CONSOLE.sub(lambda block: _run_block(block.group(), Path(folder)), page)


def folder_with_examples(folder: Path) -> None:
    """Puts `examples/` into the folder."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__", "*.py"))


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of the documentation in the folder: with the installed `ls-trajedit`, 80 columns, no server."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO", "BASIC_AUTH"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), own.get("PATH", "")))
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**own, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=_SECONDS,
        check=False,
    )


def _run_block(block: str, folder: Path) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_printed(command[2:], folder)}" for command in commands)


def _printed(command: str, folder: Path) -> str:
    text = in_shell(command, folder).stdout
    assert "Traceback" not in text, text
    lines = (line.rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Rewrites the pages."""
    for name in page_names():
        before = read_page(name)
        after = with_outputs(before)
        if after != before:
            (ROOT / name).write_text(after, encoding="utf-8")
            sys.stdout.write(f"{name}: brought up to date\n")


if __name__ == "__main__":
    main()
