"""Pushes the files of an output folder to a dataset repository on the Hugging Face hub, in one commit.

What goes there is what the manifest lists, but for the rejected annotations, and a manifest and a card that do not name
Label Studio's address. Nothing is sent when the repository has all of it already.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.hub.card import CARD, MADE_BY, card_text
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.output.verify import verify
from ls_trajedit.traces.errors import DataError, SetupError, UsageError
from ls_trajedit.traces.json_text import json_indented, parse_json

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import DatasetInfo, RepoSibling

__all__ = ["HubPush", "HubTarget", "connect_hub", "push_to_hub"]

_DATASET = "dataset"


@dataclass(frozen=True)
class HubTarget:
    """Where to push: the repository as `owner/name`, whether what is pushed may be public, and the licence that the
    card names (`apache-2.0`), if any. Raises UsageError for another form of name."""

    repo: str
    is_public: bool = False
    license: str | None = None

    def __post_init__(self) -> None:
        if self.repo.count("/") != 1 or not all(self.repo.split("/")):
            raise UsageError(f"--push-to-hub {self.repo}: write the repository as owner/name")


@dataclass(frozen=True)
class HubPush:
    """What a push did: the dataset's page, whether everyone can read it, and how many files were added, changed or
    removed; none when the repository had them all."""

    url: str
    is_public: bool
    changed: int


def connect_hub() -> HfApi:
    """The hub that HF_ENDPOINT names, huggingface.co by default, with the token in HF_TOKEN or that of `hf auth login`.

    Asks the hub nothing. Raises SetupError when huggingface_hub is not installed, or when there is no token.
    """
    try:
        import httpx2  # noqa: F401 - what huggingface_hub speaks HTTP with, since 2.0
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
    except ImportError:
        raise SetupError(
            "--push-to-hub needs huggingface_hub 2 or newer; run: pip install 'huggingface_hub>=2'"
        ) from None
    if not sys.stderr.isatty():
        disable_progress_bars()
    token = get_token()
    if not token:
        raise SetupError(
            "no token for the hub: set HF_TOKEN to one with write access (https://huggingface.co/settings/tokens), or "
            "run hf auth login"
        )
    return HfApi(token=token, library_name="ls-trajedit")


def push_to_hub(api: HfApi, target: HubTarget, folder: Path) -> HubPush:
    """Brings the repository up to date with the files in `folder`, and makes it when there is none, a private one
    unless `target` says otherwise.

    Raises DataError when a file in `folder` is not the one that was written, UsageError when the repository is public
    and that was not asked for, SetupError when it holds a card that is not ours, RefusedError when the hub does not
    take the token or the files, and ServerError when it cannot be reached.
    """
    files = _files_to_push(folder, target)
    with _translate_failures(api, target.repo):
        remote = _repository(api, target)
        if remote.private is False and not target.is_public:
            raise UsageError(
                f"{target.repo} is public, so everyone could read what is pushed; give --hub-public if that is meant"
            )
        there = {file.rfilename: file for file in remote.siblings or ()}
        changed = {name: content for name, content in files.items() if not _is_same(there.get(name), content)}
        gone = _files_of_last_push(api, target.repo, there, changed) - set(files)
        if changed or gone:
            _commit(api, target.repo, changed, gone & set(there))
    url = f"{api.endpoint}/datasets/{target.repo}"
    return HubPush(url, remote.private is False, len(changed) + len(gone & set(there)))


def _files_to_push(folder: Path, target: HubTarget) -> dict[str, Path | bytes]:
    """Each file's content by its name in the repository."""
    broken = [file.file for file in verify(folder) if file.problem]
    if broken:
        raise DataError(
            f"{folder}: not what the manifest says, so not pushed: {', '.join(broken)}; pull or convert again"
        )
    manifest = parse_json((folder / MANIFEST).read_bytes())
    manifest["host"] = None
    manifest["files"] = [file for file in manifest["files"] if file["file"] != REJECTS.file]
    files: dict[str, Path | bytes] = {file["file"]: folder / file["file"] for file in manifest["files"]}
    files[MANIFEST] = json_indented(manifest).encode() + b"\n"
    files[CARD] = card_text(manifest, target.repo, target.license).encode()
    return files


def _repository(api: HfApi, target: HubTarget) -> DatasetInfo:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.dataset_info(target.repo, files_metadata=True)
    except RepositoryNotFoundError:
        api.create_repo(target.repo, repo_type=_DATASET, private=not target.is_public)
        return api.dataset_info(target.repo, files_metadata=True)


def _is_same(there: RepoSibling | None, content: Path | bytes) -> bool:
    """Whether the file in the repository has that content: the hub tells the SHA-256 of a large file, and of another
    one what git calls it by."""
    if there is None:
        return False
    raw = content if isinstance(content, bytes) else None
    size = len(raw) if raw is not None else Path(str(content)).stat().st_size
    if there.size != size:
        return False
    wanted = there.lfs.sha256 if there.lfs else there.blob_id
    digest = hashlib.sha256() if there.lfs else hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest() == wanted


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _files_of_last_push(api: HfApi, repo: str, there: dict[str, Any], changed: dict[str, Any]) -> set[str]:
    """What the manifest in the repository lists. Raises SetupError when the card there was not written by a push."""
    if CARD in there and CARD in changed and MADE_BY not in _read(api, repo, CARD):
        raise SetupError(
            f"{repo} has a README.md that ls-trajedit did not write, and a push would replace it; push to another "
            "repository, or remove that file"
        )
    if MANIFEST not in there or MANIFEST not in changed:
        return set()
    try:
        return {str(file["file"]) for file in parse_json(_read(api, repo, MANIFEST).encode())["files"]}
    except (ValueError, KeyError, TypeError):
        return set()


def _read(api: HfApi, repo: str, name: str) -> str:
    # Not into the cache of the library: what is private stays in nobody's home folder.
    with tempfile.TemporaryDirectory() as folder:
        path = api.hf_hub_download(repo, name, repo_type=_DATASET, local_dir=folder)
        return Path(path).read_text(encoding="utf-8", errors="replace")


def _commit(api: HfApi, repo: str, changed: dict[str, Path | bytes], gone: set[str]) -> None:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api.create_commit(
        repo,
        [
            *(CommitOperationAdd(name, content) for name, content in changed.items()),
            *(CommitOperationDelete(name) for name in sorted(gone)),
        ],
        commit_message="Training data from ls-trajedit",
        repo_type=_DATASET,
    )


@contextmanager
def _translate_failures(api: HfApi, repo: str) -> Iterator[None]:
    from ls_trajedit.hub.failures import explain_hub_failure

    try:
        yield
    except Exception as error:
        explained = explain_hub_failure(error, api.endpoint, repo)
        if explained is None:
            raise
        raise explained from None
