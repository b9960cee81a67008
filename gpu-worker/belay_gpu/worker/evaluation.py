"""`eval.run`: the base or an adapter on one split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from belay_gpu.canonical import readable_json
from belay_gpu.contracts.models import EvalInput, EvalOutput, EvalOutputSample
from belay_gpu.engine.metrics import GENERATED
from belay_gpu.trainer.commands import EvalOrder
from belay_gpu.worker.follow import run_order
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.inputs import base_spec, fetch_checkpoint, fetch_split, require_split
from belay_gpu.worker.leftovers import leave_job
from belay_gpu.worker.transfers import transfer

JSON = "application/json"


async def run_evaluation(host: EngineHost, input: EvalInput) -> EvalOutput:
    """Raises: EngineError."""
    data, info = await require_split(host.cache, input.dataset, input.split)
    baseline = await fetch_split(host.cache, input.dataset, "train") if input.baselines else None
    generation, job = host.trainer(), host.next_job("eval")
    folder = generation.spool.job_folder(job)
    try:
        adapter = None
        if input.checkpoint is not None:
            adapter = await fetch_checkpoint(host.cache, input.checkpoint, folder / "adapter")
        order = EvalOrder(
            job=job,
            run=input.job.run,
            subject=input.job.subject,
            epoch=input.job.epoch,
            base=base_spec(input.model, input.task, info),
            data=str(data),
            adapter=str(adapter) if adapter else None,
            batch_size=input.eval.batch_size,
            generation=_generation(input),
            baseline_data=str(baseline) if baseline else None,
        )
        output = await run_order(generation, order)
        return await transfer(_publish, host, input, output)
    finally:
        await leave_job(host, generation, job, is_settled=True)


def _generation(input: EvalInput) -> dict[str, Any] | None:
    if input.task != "causal_lm" or not any(name in GENERATED for name in input.metrics):
        return None
    asked = input.eval.generation
    return {"max_new_tokens": asked.max_new_tokens, "stop": asked.stop, "ignore_spaces": asked.ignore_spaces}


def _publish(host: EngineHost, input: EvalInput, output: dict[str, Any]) -> EvalOutput:
    summary = {
        "schemaVersion": 1,
        "label": input.label,
        "split": input.split,
        "task": input.task,
        "examples": output["examples"],
        "metrics": output["metrics"],
        "baselines": output["baselines"],
    }
    return EvalOutput(
        metrics=output["metrics"],
        metrics_json=host.store.put_blob(readable_json(summary), JSON),
        per_example=host.store.put_blob(Path(output["examplesFile"]).read_bytes(), JSON),
        samples=[EvalOutputSample(**sample) for sample in output["samples"]],
        baselines=output["baselines"],
        gpu_seconds=output["gpuSeconds"],
        examples=output["examples"],
    )
