"""Running an evaluation to its end."""

from __future__ import annotations

from belay_gpu.engine.protocol import EvalResult, Evaluation


def finish(walk: Evaluation) -> EvalResult:
    while True:
        try:
            next(walk)
        except StopIteration as done:
            return done.value
