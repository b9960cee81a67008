"""As much of a model hub as a download uses, on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "c" * 40


@dataclass(frozen=True)
class Repository:
    """`refusal`: status and error code of every answer. A file that is None cannot be had now."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None


@contextmanager
def serving(repositories: dict[str, Repository]) -> Iterator[str]:
    """The hub's address. Repositories that are not named do not exist."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = self.path.split("?")[0].removeprefix("/api/models").strip("/").split("/")
            repository = repositories.get("/".join(parts[:2]), Repository(refusal=(404, "RepoNotFound")))
            if repository.refusal is not None:
                return self._answer(repository.refusal[0], b"", {"X-Error-Code": repository.refusal[1]})
            if self.path.startswith("/api/"):
                siblings = [{"rfilename": name} for name in repository.files]
                about = {"id": "/".join(parts[:2]), "sha": COMMIT, "siblings": siblings}
                return self._answer(200, json.dumps(about).encode(), {})
            name = "/".join(parts[4:])
            if name not in repository.files:
                return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            data = repository.files[name]
            if data is None:
                return self._answer(503, b"", {})
            etag = hashlib.sha256(data).hexdigest()
            return self._answer(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

        def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
