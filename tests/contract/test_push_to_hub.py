"""Pushing an output folder to a stand-in for the Hugging Face hub: what arrives, and what a person reads."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from ls_trajedit.hub.push import HubPush, HubTarget, connect_hub, push_to_hub
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.redaction import keep_token
from ls_trajedit.traces.errors import DataError, RefusedError, ServerError, SetupError, UsageError
from tests.support.manifests import listed, manifest_of

from .hub_stand_in import LARGE, READ_ONLY, TOKEN, HubStandIn, Repository

REPO = "ana/traces"
HOST = "http://label-studio.intranet:8080"
SMALL_ROW = {"prompt": [{"role": "user", "content": "Grüße"}]}


@pytest.fixture
def hub(serve_here: Callable[[Starlette], str], monkeypatch: pytest.MonkeyPatch) -> HubStandIn:
    """A hub without repositories. Large files go there by LFS, because Xet is a protocol of servers that it lacks."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    stand_in = HubStandIn()
    stand_in.store_url = serve_here(stand_in.store)
    stand_in.url = serve_here(stand_in.app)
    return stand_in


def write_folder(folder: Path, files: dict[str, list[dict[str, Any]]]) -> Path:
    """An output folder with these files of JSON lines, and a rejected annotation."""
    written = []
    for name, rows in {**files, "rejects.jsonl": [{"task_id": 7, "reason": "a secret result"}]}.items():
        raw = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
        written.append(listed(name, raw, len(rows)))
    annotators = {"7": Counter(edited=2, unedited=1)}
    counts = {"tasks": 3, "kinds": Counter(edited=2, unedited=1), "annotators": annotators}
    (folder / MANIFEST).write_bytes(manifest_of(*written, host=HOST, **counts).to_bytes())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder with a small file and a large one."""
    large = [{"prompt": [{"role": "user", "content": "x" * LARGE}]}]
    return write_folder(tmp_path / "data", {"trl/dpo.jsonl": [SMALL_ROW] * 2, "trl/sft.jsonl": large})


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def push(hub: HubStandIn, folder: Path, token: str = TOKEN, **wanted: Any) -> HubPush:
    return push_to_hub(HfApi(endpoint=hub.url, token=token), HubTarget(**{"repo": REPO, **wanted}), folder)


def card(repository: Repository) -> tuple[dict[str, Any], str]:
    """The YAML at the head of the card, and the text after it."""
    _, head, text = repository.files["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(head), text


def test_what_arrives_is_what_the_manifest_lists_in_one_commit(hub: HubStandIn, folder: Path) -> None:
    pushed = push(hub, folder)
    repository = hub.repositories[REPO]
    assert set(repository.files) == {".gitattributes", "README.md", "manifest.json", "trl/dpo.jsonl", "trl/sft.jsonl"}
    for name in ("trl/dpo.jsonl", "trl/sft.jsonl"):
        assert repository.files[name] == (folder / name).read_bytes()
    assert repository.large == {"trl/sft.jsonl"}
    assert len(repository.commits) == 1
    assert pushed == HubPush(f"{hub.url}/datasets/{REPO}", is_public=False, changed=4)


def test_the_manifest_that_arrives_lists_what_arrives_and_has_no_address(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder)
    files = hub.repositories[REPO].files
    manifest = json.loads(files["manifest.json"])
    assert manifest["host"] is None
    assert manifest["project"] == {"id": 12, "title": "Agents"}
    assert {file["file"]: file["sha256"] for file in manifest["files"]} == {
        name: hashlib.sha256(files[name]).hexdigest() for name in ("trl/dpo.jsonl", "trl/sft.jsonl")
    }


def test_nothing_that_arrives_names_label_studios_address_the_token_or_a_rejected_annotation(
    hub: HubStandIn, folder: Path
) -> None:
    push(hub, folder)
    for raw in hub.repositories[REPO].files.values():
        assert b"intranet" not in raw
        assert TOKEN.encode() not in raw
        assert b"a secret result" not in raw


def test_the_token_goes_to_the_hub_and_not_to_the_store_of_large_files(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder)
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for _, _, headers in hub.requests)
    assert hub.stored_with
    assert not any(TOKEN in value for headers in hub.stored_with for value in headers.values())


def test_the_token_does_not_follow_a_redirect_to_another_server(
    hub: HubStandIn, folder: Path, serve_here: Callable[[Starlette], str]
) -> None:
    def elsewhere(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{hub.url}{request.url.path}", 307)

    methods = ["GET", "HEAD", "POST"]
    other = serve_here(Starlette(routes=[Route("/{path:path}", elsewhere, methods=methods)]))
    api = HfApi(endpoint=other, token=TOKEN)
    with pytest.raises(RefusedError, match="rejected the token"):
        push_to_hub(api, HubTarget(REPO), folder)
    assert hub.requests
    assert not any("authorization" in headers for _, _, headers in hub.requests)


def test_a_repository_is_private_unless_it_is_to_be_public(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder)
    assert push(hub, folder, repo="ana/open", is_public=True).is_public
    assert {name: repository.private for name, repository in hub.repositories.items()} == {
        REPO: True,
        "ana/open": False,
    }


def test_a_public_repository_is_not_written_to_unasked(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder, is_public=True)
    write_folder(folder, {"trl/dpo.jsonl": [SMALL_ROW]})
    with pytest.raises(UsageError, match="is public, so everyone could read"):
        push(hub, folder)
    assert len(hub.repositories[REPO].commits) == 1


def test_a_second_push_of_the_same_files_makes_no_commit_and_sends_no_file(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder)
    requests, stored = len(hub.requests), len(hub.stored_with)
    assert push(hub, folder).changed == 0
    assert len(hub.repositories[REPO].commits) == 1
    assert not [path for _, path, _ in hub.requests[requests:] if "/commit/" in path]
    assert len(hub.stored_with) == stored


def test_only_what_changed_is_sent(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder)
    stored = len(hub.stored_with)
    rows = json.loads((folder / "trl/sft.jsonl").read_text(encoding="utf-8"))
    write_folder(folder, {"trl/dpo.jsonl": [SMALL_ROW] * 3, "trl/sft.jsonl": [rows]})
    assert push(hub, folder).changed == 3
    assert sorted(hub.repositories[REPO].commits[1]) == ["README.md", "manifest.json", "trl/dpo.jsonl"]
    assert hub.repositories[REPO].files["trl/dpo.jsonl"] == (folder / "trl/dpo.jsonl").read_bytes()
    assert len(hub.stored_with) == stored


def test_files_of_an_earlier_push_that_no_longer_exist_go_and_those_of_others_stay(
    hub: HubStandIn, folder: Path
) -> None:
    push(hub, folder)
    hub.repositories[REPO].files["notes.txt"] = b"mine"
    write_folder(folder, {"trl/dpo.train.jsonl": [SMALL_ROW], "trl/dpo.test.jsonl": [SMALL_ROW]})
    push(hub, folder)
    assert set(hub.repositories[REPO].files) == {
        *(".gitattributes", "README.md", "manifest.json", "notes.txt", "trl/dpo.test.jsonl", "trl/dpo.train.jsonl"),
    }


def test_the_card_names_the_sets_that_load_dataset_takes(hub: HubStandIn, folder: Path) -> None:
    push(hub, folder, license="cc-by-4.0")
    head, text = card(hub.repositories[REPO])
    assert head["license"] == "cc-by-4.0"
    assert head["configs"] == [
        {"config_name": "trl-dpo", "data_files": [{"split": "train", "path": "trl/dpo.jsonl"}]},
        {"config_name": "trl-sft", "data_files": [{"split": "train", "path": "trl/sft.jsonl"}]},
    ]
    assert f'load_dataset("{REPO}", "trl-dpo")' in text
    assert "None is given" not in text


def test_a_card_that_somebody_else_wrote_is_not_replaced(hub: HubStandIn, folder: Path) -> None:
    hub.repositories[REPO] = Repository(private=True, files={"README.md": b"# Mine\n"})
    with pytest.raises(SetupError, match=r"has a README\.md that ls-trajedit did not write"):
        push(hub, folder)
    assert hub.repositories[REPO].files == {"README.md": b"# Mine\n"}


def test_a_file_that_was_changed_since_is_not_pushed(hub: HubStandIn, folder: Path) -> None:
    with (folder / "trl/dpo.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match=r"not what the manifest says, so not pushed: trl/dpo\.jsonl"):
        push(hub, folder)
    assert hub.requests == []


@pytest.mark.parametrize(("before", "after"), [(0, 0), ((4 << 20) - 40, 100), (9_000_000, 9_000_000)])
def test_a_file_with_a_token_is_not_pushed(hub: HubStandIn, tmp_path: Path, before: int, after: int) -> None:
    keep_token("the token for the hub", TOKEN)
    row = {"prompt": [{"role": "user", "content": f"{'x' * before}{TOKEN.upper()}{'x' * after}"}]}
    with pytest.raises(DataError, match=r"trl/dpo\.jsonl holds the token for the hub, .*so nothing was pushed"):
        push(hub, write_folder(tmp_path / "data", {"trl/dpo.jsonl": [row]}))
    assert hub.requests == []


def test_a_token_that_the_hub_does_not_know_is_refused(hub: HubStandIn, folder: Path) -> None:
    with pytest.raises(RefusedError, match=r"rejected the token \(401\)"):
        push(hub, folder, token="hf_" + "x" * 34)


def test_a_token_that_may_only_read_is_refused_with_what_it_lacks(hub: HubStandIn, folder: Path) -> None:
    with pytest.raises(RefusedError, match=r"may not write to ana/traces \(403\).*write access"):
        push(hub, folder, token=READ_ONLY)


def test_a_repository_of_somebody_else_is_refused(hub: HubStandIn, folder: Path) -> None:
    with pytest.raises(RefusedError, match=r"may not write to ben/traces \(403\).*must be ben or belong to it"):
        push(hub, folder, repo="ben/traces")


def test_a_licence_that_the_hub_rejects_is_an_error_in_its_words(hub: HubStandIn, folder: Path) -> None:
    hub.refused_card = '"license" must be one of [apache-2.0, mit]'
    with pytest.raises(SetupError, match=r"rejected the dataset card.*must be one of \[apache-2.0, mit\]"):
        push(hub, folder, license="my own")
    assert hub.repositories[REPO].commits == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (412, ServerError, "changed by somebody else at the same time"),
        (400, RefusedError, "rejected the files.*the reason is given here"),
    ],
)
def test_a_commit_that_the_hub_rejects_is_an_error(
    hub: HubStandIn, folder: Path, status: int, error: type[Exception], words: str
) -> None:
    hub.status_of_commit = status
    with pytest.raises(error, match=words):
        push(hub, folder)


def test_a_store_that_rejects_large_files_is_an_error_and_nothing_is_committed(hub: HubStandIn, folder: Path) -> None:
    hub.status_of_store = 400
    with pytest.raises(RefusedError, match=r"rejected the files for ana/traces \(400\)"):
        push(hub, folder)
    assert hub.repositories[REPO].commits == []


def test_a_hub_without_xet_is_an_error_with_the_way_around(
    hub: HubStandIn, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(ServerError, match=r"sending the files failed: .*404.*HF_HUB_DISABLE_XET=1"):
        push(hub, folder)


def test_a_hub_that_cannot_be_reached_is_an_error(folder: Path, closed_port: int) -> None:
    api = HfApi(endpoint=f"http://127.0.0.1:{closed_port}", token=TOKEN)
    with pytest.raises(ServerError, match="the hub cannot be reached") as error:
        push_to_hub(api, HubTarget(REPO), folder)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("repo", ["traces", "ana/", "/traces", "https://huggingface.co/datasets/ana/traces"])
def test_a_repository_without_its_owner_is_refused(repo: str) -> None:
    with pytest.raises(UsageError, match="write the repository as owner/name"):
        HubTarget(repo)


def test_a_name_that_no_repository_can_have_is_refused(hub: HubStandIn, folder: Path) -> None:
    with pytest.raises(UsageError, match="not a valid repository name"):
        push(hub, folder, repo="ana/tr aces")


def test_without_a_token_a_person_is_told_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(SetupError, match="set HF_TOKEN"):
        connect_hub()


TASK = {
    "id": 1,
    "project": 1,
    "data": {"id": "t", "task_description": "Go.", "steps": [{"action": "queyr"}]},
    "annotations": [
        {
            "id": 1,
            "completed_by": 7,
            "result": [
                {
                    "from_name": "step_0__action__corrected",
                    "to_name": "step_0__action",
                    "type": "textarea",
                    "value": {"text": ["query"]},
                }
            ],
        }
    ],
}


def run_convert(folder: Path, hub: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ls-trajedit convert` of an export with one correction, as a process with no other hub and no token but these."""
    (folder / "export.json").write_text(json.dumps([TASK]), encoding="utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    variables = {**clean, "HF_ENDPOINT": hub, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf"), **environment}
    command = [sys.executable, "-m", "ls_trajedit", "convert", "export.json", "--format", "trl-dpo", *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done


def test_the_command_pushes_and_says_so_beside_its_output_and_keeps_no_token(hub: HubStandIn, tmp_path: Path) -> None:
    done = run_convert(tmp_path, hub.url, "--push-to-hub", REPO, "--json", HF_TOKEN=TOKEN)
    assert done.returncode == 0
    assert json.loads(done.stdout)["edited"] == 1
    assert done.stderr.splitlines()[-1] == f"{hub.url}/datasets/{REPO} (private): pushed 3 files"
    assert hub.repositories[REPO].files["trl/dpo.jsonl"] == (tmp_path / "data" / "trl" / "dpo.jsonl").read_bytes()
    again = run_convert(tmp_path, hub.url, "--push-to-hub", REPO, HF_TOKEN=TOKEN)
    assert again.stderr.splitlines()[-1] == f"{hub.url}/datasets/{REPO} (private): up to date"
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_token_of_a_login_is_taken(hub: HubStandIn, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    done = run_convert(tmp_path, hub.url, "--push-to-hub", REPO, HF_TOKEN_PATH=str(tmp_path / "token"))
    assert (done.returncode, list(hub.repositories)) == (0, [REPO])


def test_without_a_token_nothing_is_converted(hub: HubStandIn, tmp_path: Path) -> None:
    done = run_convert(tmp_path, hub.url, "--push-to-hub", REPO)
    assert done.returncode == 3
    assert "set HF_TOKEN" in done.stderr
    assert not (tmp_path / "data").exists()


def test_what_is_refused_here_is_not_pushed(hub: HubStandIn, tmp_path: Path) -> None:
    done = run_convert(tmp_path, hub.url, "--push-to-hub", REPO, "--fail-under", "2", HF_TOKEN=TOKEN)
    assert (done.returncode, hub.repositories) == (5, {})


def test_a_hub_that_is_down_ends_the_command_with_its_files_written(tmp_path: Path, closed_port: int) -> None:
    done = run_convert(tmp_path, f"http://127.0.0.1:{closed_port}", "--push-to-hub", REPO, HF_TOKEN=TOKEN)
    assert done.returncode == 4
    assert (tmp_path / "data" / "trl" / "dpo.jsonl").exists()


def test_how_to_push_without_where_is_refused(hub: HubStandIn, tmp_path: Path) -> None:
    done = run_convert(tmp_path, hub.url, "--hub-public", HF_TOKEN=TOKEN)
    assert done.returncode == 2
    assert "give --push-to-hub" in done.stderr
