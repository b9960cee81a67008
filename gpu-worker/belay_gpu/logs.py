"""Logs as JSON lines on stderr, each with the run, the subject and the trial that it is about."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_context: ContextVar[dict[str, object] | None] = ContextVar("belay_log_context", default=None)


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """Adds `fields` (run, subject, ...) to every line logged inside, also by tasks started inside."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


#: Subject of a trial's jobs, and id of its workflow.
_TRIAL = re.compile(r"(?P<run>.+)/trial-(?P<trial>\d+)")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **_called(record),
            **(_context.get() or {}),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(fields)
        if isinstance(subject := line.get("subject"), str) and (named := _TRIAL.fullmatch(subject)):
            line = {"run": named["run"], "trial": int(named["trial"]), **line}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _called(record: logging.LogRecord) -> dict[str, object]:
    """What the SDK tells of the activity that it logs about, outside of the activity's own context."""
    about = getattr(record, "temporal_activity", None)
    if not isinstance(about, dict):
        return {}
    workflow = str(about.get("workflow_id", ""))
    subject = {"subject": workflow} if _TRIAL.fullmatch(workflow) else {"run": workflow}
    return {**subject, "activity": about.get("activity_type"), "attempt": about.get("attempt")}


def setup_logs(level: int = logging.INFO) -> None:
    """Sends every logger of the process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for chatty in ("httpx", "urllib3", "filelock", "fsspec", "temporalio.worker._worker"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
