"""Uploads to a hub that runs here: what succeeds, what is refused for good, what may be tried again."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.servers import ROOT

OID = "c" * 40
# The library reads the hub's address when it is imported, so each upload has a process of its own.
UPLOAD = """
import json, sys
from pathlib import Path
from belay_gpu.engine.errors import EngineError
from belay_gpu.worker.hub import _upload
try:
    pushed = _upload("secret-token", "someone/adapter", Path(sys.argv[1]))
except EngineError as error:
    print(json.dumps({"type": error.type, "message": error.message}))
else:
    print(json.dumps({"url": pushed.url, "commit": pushed.commit}))
"""


@dataclass
class Hub:
    """As much of the hub's interface as an upload of small files uses. `status` answers every commit."""

    status: int = 200
    address: str = ""
    tokens: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/repos/create":
            return 200, {"url": f"{self.address}/someone/adapter", "id": "someone/adapter"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            return 200, {
                "files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            }
        if path.endswith("/commit/main"):
            if self.status != 200:
                self.refused += 1
                return self.status, {"error": "no\nspace"}
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return 200, {"commitUrl": f"{self.address}/someone/adapter/commit/{OID}", "commitOid": OID}
        return 404, {"error": f"{method} {path} is not known here"}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            hub.tokens.add(self.headers.get("Authorization", ""))
            length = int(self.headers.get("Content-Length") or 0)
            status, answer = hub.answer(self.command, self.path.split("?")[0], self.rfile.read(length))
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_HEAD = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def upload(hub: Hub, folder: Path) -> dict[str, str]:
    environment = {
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "PATH": "/usr/bin:/bin",
        "HF_ENDPOINT": hub.address,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"r": 4}')
    (folder / "README.md").write_text("# An adapter\n")
    return folder


def test_an_adapter_is_uploaded_with_the_token(adapter: Path) -> None:
    with serving(Hub()) as hub:
        pushed = upload(hub, adapter)
    assert pushed == {"url": f"{hub.address}/someone/adapter", "commit": OID}
    assert hub.tokens == {"Bearer secret-token"}
    assert hub.files == {"adapter_config.json": b'{"r": 4}', "README.md": b"# An adapter\n"}


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "InvalidSpec"),
        (401, "InvalidSpec"),
        (403, "InvalidSpec"),
        (404, "InvalidSpec"),
        (429, "StorageUnavailable"),
        (500, "StorageUnavailable"),
        (503, "StorageUnavailable"),
    ],
)
def test_a_refusal_is_for_good_and_a_hub_that_cannot_now_is_asked_again(
    adapter: Path, status: int, type_: str
) -> None:
    with serving(Hub(status)) as hub:
        failed = upload(hub, adapter)
    assert hub.refused > 0
    assert hub.files == {}
    assert failed["type"] == type_
    assert "\n" not in failed["message"]
    assert "no space" in failed["message"], "the hub's own reason"
    assert "secret-token" not in failed["message"]
