"""Keeps one trainer process alive: starts it, kills it if it hangs, knows when it dies, starts the next."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from belay_gpu.trainer.spool import Spool
from belay_gpu.worker.config import ConfigError, GpuConfig
from belay_gpu.worker.silence import until_silent

log = logging.getLogger(__name__)

READY_POLL_SECONDS = 0.02
# A trainer that dies this young did not die of a job.
HEALTHY_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
# Exit status by which a trainer says that this machine lacks what it needs: starting it again is of no use.
MISSING_ON_THIS_MACHINE = 3


@dataclass
class Generation:
    """One trainer process and its spool. `dead` is set when the process is gone."""

    number: int
    spool: Spool
    process: asyncio.subprocess.Process
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    device: str = ""


def trainer_command(config: GpuConfig, spool: Path, source: str) -> list[str]:
    return [
        *(sys.executable, "-m", "belay_gpu.trainer", "--spool", str(spool), "--device", config.device),
        *("--source", source, "--parent", str(os.getpid())),
        *("--slots", str(config.slots), "--eval-slots", str(config.eval_slots)),
    ]


class Supervisor:
    """`on_ready` and `on_death` are called in the event loop, the latter before the next trainer starts."""

    def __init__(
        self,
        config: GpuConfig,
        engine_id: str,
        folder: Path,
        on_ready: Callable[[Generation], None],
        on_death: Callable[[Generation], None],
    ) -> None:
        self._config, self._engine_id, self._folder = config, engine_id, folder
        self._on_ready, self._on_death = on_ready, on_death
        # The process from its start to its end; it takes orders from `ready` on only.
        self._running: Generation | None = None
        self._current: Generation | None = None
        self._stopping = asyncio.Event()

    @property
    def current(self) -> Generation | None:
        """The trainer that takes orders now; None while there is none."""
        return self._current

    async def run(self) -> None:
        """Returns once `stop` was called and the trainer is gone.

        Raises:
            ConfigError: this machine lacks what the trainer needs.
        """
        number, backoff = 0, FIRST_BACKOFF_SECONDS
        while not self._stopping.is_set():
            number += 1
            started = monotonic()
            generation = self._running = await self._start(number)
            if self._stopping.is_set():  # `stop` came too early to find it, and nothing is on board yet
                _signal(generation.process, signal.SIGKILL)
            ready = asyncio.create_task(self._await_ready(generation))
            watching = asyncio.create_task(self._kill_if_silent(generation))
            code = await generation.process.wait()
            generation.dead.set()
            watching.cancel()
            await asyncio.gather(ready, watching, return_exceptions=True)
            self._current = self._running = None
            self._on_death(generation)
            if self._stopping.is_set():
                return
            if code == MISSING_ON_THIS_MACHINE:
                raise ConfigError("the trainer cannot start on this machine; its message is above")
            log.error("the trainer died", extra={"fields": {"generation": number, "code": code}})
            if monotonic() - started > HEALTHY_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
                continue
            backoff = min(MAX_BACKOFF_SECONDS, backoff * 2)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)

    async def _start(self, number: int) -> Generation:
        spool = Spool(self._folder / str(number))
        command = trainer_command(self._config, spool.root, f"{self._engine_id}.{number}")
        # The trainer has no business with credentials.
        hidden = ("BELAY_S3_ACCESS_KEY", "BELAY_S3_SECRET_KEY", "DATABASE_URL", "OPTUNA_DATABASE_URL")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        return Generation(number, spool, process)

    async def _await_ready(self, generation: Generation) -> None:
        while not generation.dead.is_set():
            ready = generation.spool.ready()
            if ready is not None:
                generation.device = ready["device"]
                self._current = generation
                self._on_ready(generation)
                return
            await asyncio.sleep(READY_POLL_SECONDS)

    async def _kill_if_silent(self, generation: Generation) -> None:
        bound = self._config.silence_seconds
        await until_silent(generation.spool, bound, asyncio.sleep)
        fields = {"generation": generation.number, "seconds": bound}
        log.error("the trainer hangs and is killed", extra={"fields": fields})
        _signal(generation.process, signal.SIGKILL)

    async def stop(self, grace_seconds: float) -> None:
        """SIGTERM, a bounded wait for its checkpoints, SIGKILL; also for a trainer that is still starting."""
        self._stopping.set()
        generation = self._running
        if generation is None or generation.dead.is_set():
            return
        _signal(generation.process, signal.SIGTERM)
        try:
            await asyncio.wait_for(generation.dead.wait(), grace_seconds)
        except TimeoutError:
            _signal(generation.process, signal.SIGKILL)
            await generation.dead.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return
