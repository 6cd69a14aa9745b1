"""Pushes the files of an output folder to a dataset repository on the Hugging Face hub, in one commit.

What goes there is what the manifest lists, without the rejected annotations, and a manifest and a card that do not name
Label Studio's address. There is no commit when the repository has all of it already.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ls_trajedit.console import LineFormatter, is_terminal
from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.converters.shards import whole_name
from ls_trajedit.hub.card import CARD, MADE_BY, card_text
from ls_trajedit.output.inventory import check_listed
from ls_trajedit.output.manifest import MANIFEST, ManifestError, parse_manifest, read_manifest
from ls_trajedit.redaction import find_secret, keep_token
from ls_trajedit.traces.errors import DataError, SetupError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi
    from huggingface_hub.hf_api import DatasetInfo

__all__ = ["HubPush", "HubTarget", "connect_hub", "push_to_hub"]

_DATASET = "dataset"
_CHUNK = 4 << 20
# Longer than a secret in any form.
_OVERLAP = 1 << 14


@dataclass(frozen=True)
class HubTarget:
    """Where to push: the repository as `owner/name`, whether what is pushed may be public, and the licence that the
    card names (`apache-2.0`), if any. Raises UsageError for a name of another form."""

    repo: str
    is_public: bool = False
    license: str | None = None

    def __post_init__(self) -> None:
        if self.repo.count("/") != 1 or not all(self.repo.split("/")):
            raise UsageError(f"--push-to-hub {self.repo}: write the repository as owner/name")

    def check_name(self) -> None:
        """Raises UsageError for a name that no repository can have. Needs huggingface_hub."""
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported lazily

        try:
            validate_repo_id(self.repo)
        except HFValidationError as error:
            raise UsageError(f"--push-to-hub {self.repo}: not a valid repository name: {error}") from None


@dataclass(frozen=True)
class HubPush:
    """What a push did: the dataset's page, whether everyone can read it, and how many files were added, changed or
    removed; 0 when the repository had them all."""

    url: str
    is_public: bool
    changed: int


def connect_hub() -> HfApi:
    """The hub that HF_ENDPOINT names, huggingface.co by default, with the token in HF_TOKEN or that of `hf auth login`.

    Asks the hub nothing. Raises SetupError when huggingface_hub is not installed, when there is no token or it is
    malformed, or when the environment names a proxy or certificates that cannot be used.
    """
    try:
        import httpx2  # noqa: F401 - what huggingface_hub speaks HTTP with since 2.0
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
    except ImportError:
        raise SetupError(
            "--push-to-hub needs huggingface_hub 2 or newer; run: pip install 'huggingface_hub>=2'"
        ) from None
    except ValueError as error:
        # It takes the address apart when it is imported.
        raise SetupError(f"HF_ENDPOINT is not the address of a hub: {error}") from None
    from ls_trajedit.label_studio.headers import can_be_token
    from ls_trajedit.label_studio.transport import check_environment

    if not is_terminal():
        disable_progress_bars()
    # What the library logs can quote the hub.
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.setFormatter(LineFormatter())
    # It warns when there is nothing to commit, which is the usual case for a nightly push and is said in our words.
    logging.getLogger("huggingface_hub.hf_api").setLevel(logging.ERROR)
    token = get_token()
    keep_token("the token for the hub", token)
    if not token:
        raise SetupError(
            "no token for the hub: set HF_TOKEN to one with write access (https://huggingface.co/settings/tokens), or "
            "run hf auth login"
        )
    if not can_be_token(token):
        raise SetupError(
            "HF_TOKEN (or what `hf auth login` kept) holds blanks or characters that no token has; copy it again from "
            "https://huggingface.co/settings/tokens"
        )
    api = HfApi(token=token, library_name="ls-trajedit")
    check_environment(api.endpoint)
    return api


def push_to_hub(api: HfApi, target: HubTarget, folder: Path) -> HubPush:
    """Brings the repository up to date with the files in `folder`. Without a repository it makes one, a private one
    unless `target` says otherwise.

    Raises DataError when a file in `folder` is not the one that was written, UsageError when the repository is public
    and that was not asked for, SetupError when it holds a card that is not ours, RefusedError when the hub rejects the
    token or the files, and ServerError when it cannot be reached.
    """
    files = _files_to_push(folder, target)
    with _translate_failures(api, target.repo):
        before = _repository(api, target)
        if before.private is False and not target.is_public:
            raise UsageError(
                f"{target.repo} is public, so everyone could read what is pushed; give --hub-public if that is meant"
            )
        _check_card(api, target.repo, before)
        gone = _files_of_last_push(api, target.repo, before) - files.keys()
        commit = _commit(api, target.repo, files, gone)
        changed = 0
        if commit.oid != before.sha:
            after = api.dataset_info(target.repo, revision=commit.oid, files_metadata=True)
            changed = _count_changes(before, after, files.keys() | gone)
    return HubPush(f"{api.endpoint}/datasets/{target.repo}", before.private is False, changed)


def _files_to_push(folder: Path, target: HubTarget) -> dict[str, Path | bytes]:
    """Each file's content by its name in the repository."""
    broken = [file.file for file in check_listed(folder) if file.problem]
    if broken:
        raise DataError(
            f"{folder}: not what the manifest says, so not pushed: {', '.join(broken)}; pull or convert again"
        )
    own = read_manifest(folder)
    pushed = tuple(file for file in own.files if whole_name(file.file) != REJECTS.file)
    sharded = tuple(rows for rows in own.sharded if rows.file != REJECTS.file)
    manifest = replace(own, origin=replace(own.origin, host=None), files=pushed, sharded=sharded)
    files: dict[str, Path | bytes] = {file.file: folder / file.file for file in pushed}
    files[MANIFEST] = manifest.to_bytes()
    files[CARD] = card_text(manifest, target.repo, target.license).encode()
    for name, content in files.items():
        if found := next(filter(None, map(find_secret, _chunks(content))), None):
            raise DataError(f"{folder}: {name} holds {found}, so nothing was pushed. Replace that secret by a new one")
    return files


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    """The content in pieces, each of which begins with the end of the one before."""
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        end = b""
        while piece := file.read(_CHUNK):
            yield end + piece
            end = piece[-_OVERLAP:]


def _repository(api: HfApi, target: HubTarget) -> DatasetInfo:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.dataset_info(target.repo, files_metadata=True)
    except RepositoryNotFoundError:
        api.create_repo(target.repo, repo_type=_DATASET, private=not target.is_public)
        return api.dataset_info(target.repo, files_metadata=True)


def _check_card(api: HfApi, repo: str, info: DatasetInfo) -> None:
    """Raises SetupError when the card in the repository was not written by a push."""
    if CARD in _git_hashes(info) and MADE_BY.encode() not in _read(api, repo, CARD):
        raise SetupError(
            f"{repo} has a README.md that ls-trajedit did not write, and a push would replace it; push to another "
            "repository, or remove that file"
        )


def _files_of_last_push(api: HfApi, repo: str, info: DatasetInfo) -> set[str]:
    """The files in the repository that its manifest lists; none without a manifest of ours."""
    names = _git_hashes(info).keys()
    if MANIFEST not in names:
        return set()
    try:
        return {file.file for file in parse_manifest(_read(api, repo, MANIFEST)).files} & names
    except ManifestError:
        return set()


def _count_changes(before: DatasetInfo, after: DatasetInfo, names: Iterable[str]) -> int:
    """How many of the files `names` were added, changed or removed in between."""
    old, new = _git_hashes(before), _git_hashes(after)
    return sum(old.get(name) != new.get(name) for name in names)


def _git_hashes(info: DatasetInfo) -> dict[str, str | None]:
    """The hash by which git knows each file of the repository."""
    return {file.rfilename: file.blob_id for file in info.siblings or ()}


def _read(api: HfApi, repo: str, name: str) -> bytes:
    # Not into the library's cache: what is private must not stay in anybody's home folder.
    with tempfile.TemporaryDirectory() as folder:
        return Path(api.hf_hub_download(repo, name, repo_type=_DATASET, local_dir=folder)).read_bytes()


def _commit(api: HfApi, repo: str, files: Mapping[str, Path | bytes], gone: Iterable[str]) -> CommitInfo:
    """The commit that the repository is at afterwards. The library leaves out files that have not changed, and makes no
    commit when that leaves nothing."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    return api.create_commit(
        repo,
        [
            *(CommitOperationAdd(name, content) for name, content in files.items()),
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
