"""`merge.run`: the winner's adapter merged into its base, checked, and every file in the store."""

from __future__ import annotations

from pathlib import Path

from belay_gpu.contracts.models import MergeInput, MergeOutput, MergeOutputRecipe, NamedArtifact
from belay_gpu.engine.errors import EngineError
from belay_gpu.trainer.commands import MergeOrder
from belay_gpu.worker.follow import run_order
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.inputs import base_spec, fetch_checkpoint, fetch_split, require_split
from belay_gpu.worker.leftovers import leave_job
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.transfers import transfer


async def run_merge(host: EngineHost, input: MergeInput) -> MergeOutput:
    """Raises: EngineError."""
    train, info = await require_split(host.cache, input.dataset, "train")
    rows = await fetch_split(host.cache, input.dataset, "validation") or train
    generation, job = host.trainer(), host.next_job("merge")
    folder = generation.spool.job_folder(job)
    try:
        adapter = await fetch_checkpoint(host.cache, input.checkpoint, folder / "adapter")
        order = MergeOrder(
            job=job,
            run=input.job.run,
            subject=input.job.subject,
            epoch=input.job.epoch,
            base=base_spec(input.model, input.task, info),
            adapter=str(adapter),
            data=str(rows),
            output=str(folder / "merged"),
        )
        output = await run_order(generation, order)
        if not output["passed"]:
            raise EngineError(
                "Internal",
                f"the merged model differs from base and adapter by {output['maxLogitDifference']:.3g} "
                f"in a logit, where rounding explains {output['tolerance']:.3g}; nothing was published",
            )
        files = await transfer(_upload_folder, host.store, folder / "merged")
        return MergeOutput(
            files=files,
            max_logit_difference=output["maxLogitDifference"],
            tolerance=output["tolerance"],
            passed=output["passed"],
            rows=output["rows"],
            recipe=MergeOutputRecipe(**output["recipe"]),
        )
    finally:
        await leave_job(host, generation, job, is_settled=True)


def _upload_folder(store: ObjectStore, folder: Path) -> list[NamedArtifact]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        NamedArtifact(path=path.relative_to(folder).as_posix(), ref=store.put_file(path)) for path in files
    ]
