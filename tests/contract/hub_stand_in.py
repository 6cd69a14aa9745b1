"""What the Hugging Face hub does when a dataset is pushed: small files arrive in the commit, large ones by LFS on a
server of their own. It keeps repositories in memory and remembers every request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["TOKEN", "HubStandIn", "Repository"]

TOKEN = "hf_" + "tEsTtOkEn" * 4
"""May write to repositories of `ana`."""

READ_ONLY = "hf_" + "readonly0" * 4
LARGE = 2000
COMMIT_ID = "{:040x}"


@dataclass
class Repository:
    """A repository: its files now, how many commits there were, and which files each of them named."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    commits: list[list[str]] = field(default_factory=list)

    @property
    def commit(self) -> str:
        return COMMIT_ID.format(len(self.commits) + 1)


class HubStandIn:
    """Two servers: `app` is the hub, `store` takes large files. `requests` holds method, path and headers of each."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.stored: dict[str, bytes] = {}
        self.stored_with: list[dict[str, str]] = []
        self.url = ""
        self.store_url = ""
        self.refused_card: str | None = None
        self.status_of_commit = 200
        self.status_of_store = 200
        self.app = Starlette(
            routes=[
                Route("/api/validate-yaml", self._guarded(self._validate), methods=["POST"]),
                Route("/api/repos/create", self._guarded(self._create), methods=["POST"]),
                Route("/api/datasets/{repo:path}/preupload/main", self._guarded(self._preupload), methods=["POST"]),
                Route("/api/datasets/{repo:path}/commit/main", self._guarded(self._commit), methods=["POST"]),
                Route("/api/datasets/{owner}/{name}", self._guarded(self._info), methods=["GET"]),
                Route("/api/datasets/{owner}/{name}/revision/{revision}", self._guarded(self._info), methods=["GET"]),
                Route("/datasets/{repo:path}.git/info/lfs/objects/batch", self._guarded(self._batch), methods=["POST"]),
                Route("/datasets/{owner}/{name}/resolve/main/{file:path}", self._guarded(self._file)),
            ]
        )
        self.store = Starlette(routes=[Route("/{digest}", self._put, methods=["PUT"])])

    def _guarded(self, answer: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            self.requests.append((request.method, request.url.path, dict(request.headers)))
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in (TOKEN, READ_ONLY):
                message = {"X-Error-Message": "Invalid credentials in Authorization header"}
                return JSONResponse({"error": message["X-Error-Message"]}, 401, message)
            writes = request.url.path.endswith(("/create", "/main", "/batch"))
            if writes and token == READ_ONLY:
                return JSONResponse({"error": "You need a token with write access"}, 403)
            return answer(request, await request.body())

        return guarded

    def _repository(self, request: Request) -> Repository:
        parts = request.path_params
        return self.repositories[parts.get("repo") or f"{parts['owner']}/{parts['name']}"]

    def _info(self, request: Request, body: bytes) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        if name not in self.repositories:
            return JSONResponse({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        repository = self.repositories[name]
        assert request.path_params.get("revision", "main") in ("main", repository.commit)
        siblings = [_sibling(file, raw, file in repository.large) for file, raw in repository.files.items()]
        facts = {"id": name, "sha": repository.commit, "private": repository.private, "siblings": siblings}
        return JSONResponse({**facts, "tags": [], "downloads": 0, "likes": 0})

    def _create(self, request: Request, body: bytes) -> Response:
        wanted = json.loads(body)
        if wanted["organization"] != "ana":
            return JSONResponse({"error": f"You don't have the rights to create in {wanted['organization']}"}, 403)
        assert wanted["type"] == "dataset"
        name = f"{wanted['organization']}/{wanted['name']}"
        private = wanted.get("private", wanted.get("visibility") == "private")
        self.repositories[name] = Repository(private, {".gitattributes": b"*.bin filter=lfs\n"})
        return JSONResponse({"url": f"{request.base_url}datasets/{name}", "name": name})

    def _validate(self, request: Request, body: bytes) -> Response:
        if self.refused_card:
            return JSONResponse({"errors": [{"message": self.refused_card}]}, 400)
        return JSONResponse({"errors": [], "warnings": []})

    def _preupload(self, request: Request, body: bytes) -> Response:
        repository = self._repository(request)
        files = []
        for file in json.loads(body)["files"]:
            mode = "lfs" if file["size"] > LARGE else "regular"
            raw = repository.files.get(file["path"])
            known = None if raw is None else _sha256(raw) if file["path"] in repository.large else _blob(raw)
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known})
        return JSONResponse({"files": files})

    def _batch(self, request: Request, body: bytes) -> Response:
        # What is there already needs no action.
        objects = [
            wanted
            if wanted["oid"] in self.stored
            else {**wanted, "actions": {"upload": {"href": f"{self.store_url}/{wanted['oid']}", "header": {}}}}
            for wanted in json.loads(body)["objects"]
        ]
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def _put(self, request: Request) -> Response:
        self.stored_with.append(dict(request.headers))
        self.stored[request.path_params["digest"]] = await request.body()
        return Response(status_code=self.status_of_store)

    def _commit(self, request: Request, body: bytes) -> Response:
        if self.status_of_commit != 200:
            return JSONResponse({"error": "the reason is given here"}, self.status_of_commit)
        repository = self._repository(request)
        names = []
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
                repository.large.discard(value["path"])
            elif entry["key"] == "lfsFile":
                raw = self.stored[value["oid"]]
                assert _sha256(raw) == value["oid"]
                repository.files[value["path"]] = raw
                repository.large.add(value["path"])
            elif entry["key"] == "deletedFile":
                del repository.files[value["path"]]
            names += [value["path"]] if "path" in value else []
        repository.commits.append(names)
        url = f"{request.base_url}datasets/{request.path_params['repo']}/commit/{repository.commit}"
        return JSONResponse({"commitUrl": url, "commitOid": repository.commit, "success": True})

    def _file(self, request: Request, body: bytes) -> Response:
        repository = self._repository(request)
        raw = repository.files.get(request.path_params["file"])
        if raw is None:
            return JSONResponse({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        return Response(raw, headers={"X-Repo-Commit": repository.commit, "ETag": f'"{_blob(raw)}"'})


def _sibling(name: str, raw: bytes, is_large: bool) -> dict[str, Any]:
    facts = {"rfilename": name, "size": len(raw), "blobId": _blob(raw)}
    if is_large:
        facts["lfs"] = {"sha256": _sha256(raw), "size": len(raw), "pointerSize": 130}
    return facts


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _blob(raw: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()
