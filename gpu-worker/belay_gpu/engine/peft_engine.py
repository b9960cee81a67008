"""The plain engine: PEFT adapters, one per slot, over one resident frozen base; one adapter active at a time.

It is the oracle for any packed engine, the baseline of its benchmark, and the path for what cannot be packed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import torch
from peft import PeftConfig
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import nn
from transformers import PreTrainedModel

from belay_gpu.canonical import sha256_bytes
from belay_gpu.data.batches import label_count, unit_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine import scoring
from belay_gpu.engine.adapter import adapter_bytes, config_bytes
from belay_gpu.engine.cursor import Cursor
from belay_gpu.engine.determinism import full_determinism
from belay_gpu.engine.errors import EngineError, defect, first_line
from belay_gpu.engine.loss import compute_context, loss_sum
from belay_gpu.engine.optimizer import build_optimizer, load_optimizer_tensors, optimizer_tensors, set_rate
from belay_gpu.engine.packing_probe import keeps_rows_apart
from belay_gpu.engine.protocol import EvalRequest, EvalResult, Evaluation, SlotInfo, Snapshot, StepResult
from belay_gpu.engine.resident_adapters import ResidentAdapters
from belay_gpu.engine.schedule import rate_factor, warmup_steps
from belay_gpu.engine.seeds import derive_seed, seeded
from belay_gpu.engine.spec import BaseSpec, SlotSpec

log = logging.getLogger(__name__)


@dataclass
class _Slot:
    """`name` is the adapter's inside PEFT; `named` are its parameters by their names in files."""

    name: str
    spec: SlotSpec
    data: TokenisedSplit
    named: list[tuple[str, nn.Parameter]]
    optimizer: torch.optim.AdamW
    cursor: Cursor
    info: SlotInfo
    step: int = 0


class PeftEngine:
    """See `Engine` for the contract of each method."""

    def __init__(self, base: BaseSpec, device: torch.device) -> None:
        self._device = device
        self._adapters = ResidentAdapters(base, device)
        self._slots: dict[str, _Slot] = {}
        self._attached: dict[str, str] = {}
        #: Whether the base keeps packed rows apart; None: no packed rows have come yet.
        self._packs: bool | None = None

    @property
    def base(self) -> BaseSpec:
        return self._adapters.base.spec

    @property
    def slots(self) -> list[str]:
        return [*self._slots, *self._attached]

    @contextmanager
    def bare(self) -> Iterator[PreTrainedModel]:
        """The base in evaluation mode with no adapter switched on."""
        with self._adapters.switched_on(None, training=False) as model:
            yield model

    # -- membership

    def admit(self, slot: str, spec: SlotSpec, data: TokenisedSplit) -> SlotInfo:
        return self._build(slot, spec, data).info

    def restore(self, slot: str, spec: SlotSpec, data: TokenisedSplit, snapshot: Snapshot) -> SlotInfo:
        built = self._build(slot, spec, data)
        try:
            self._adapters.set_weights(built.name, load(snapshot.adapter))
            load_optimizer_tensors(built.optimizer, built.named, load(snapshot.state))
            built.step = int(snapshot.meta["step"])
            at = snapshot.meta["cursor"]
            built.cursor.epoch, built.cursor.index = int(at["epoch"]), int(at["index"])
        except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
            self.retire(slot)
            raise EngineError("CorruptArtifact", f"checkpoint does not fit this trial: {error}") from error
        built.info = SlotInfo(built.step, built.info.trainable_params, str(snapshot.meta["initSha256"]))
        return built.info

    def attach(self, slot: str, adapter_folder: Path) -> None:
        self._refuse_known(slot)
        try:
            config = PeftConfig.from_pretrained(str(adapter_folder))
            config.inference_mode = True
            tensors = load_file(adapter_folder / "adapter_model.safetensors")
            self._attached[slot] = self._adapters.add(config, tensors)
        except (OSError, KeyError, ValueError, RuntimeError, TypeError, SafetensorError) as error:
            raise EngineError("CorruptArtifact", f"adapter does not fit its base: {error}") from error

    def retire(self, slot: str) -> None:
        known = self._slots.pop(slot, None)
        name = known.name if known else self._attached.pop(slot, None)
        if name is not None:
            self._adapters.remove(name)

    def _refuse_known(self, slot: str) -> None:
        if slot in self._slots or slot in self._attached:
            raise EngineError("Internal", f"slot {slot} is taken")

    def _refuse_mixed_rows(self, data: TokenisedSplit) -> None:
        if self._packs is None and data.bins:
            with self.bare() as model:
                self._packs = keeps_rows_apart(model, data, self._device)
        if self._packs is False and data.bins:
            raise EngineError(
                "InvalidSpec",
                f"dataset.packing: in model {self.base.model} a row sees the rows that are packed before it; "
                "set dataset.packing to false for this model",
            )

    def _build(self, slot: str, spec: SlotSpec, data: TokenisedSplit) -> _Slot:
        self._refuse_known(slot)
        if self._adapters.base.model.dtype == torch.float16:
            raise EngineError(
                "Unsupported", "training in float16 underflows without loss scaling; use bfloat16 or float32"
            )
        self._refuse_mixed_rows(data)
        name = self._adapters.add_fresh(spec.lora, spec.train.seed)
        named = self._adapters.trainable(name)
        for _, parameter in named:
            parameter.data = parameter.data.float()
        built = _Slot(
            name=name,
            spec=spec,
            data=data,
            named=named,
            optimizer=build_optimizer(named, spec),
            cursor=Cursor(data.training_units, derive_seed(spec.train.seed, "data")),
            info=SlotInfo(
                0, sum(p.numel() for _, p in named), sha256_bytes(adapter_bytes(self._adapters.tensors(name)))
            ),
        )
        self._slots[slot] = built
        return built

    # -- work

    def step(self, slots: Sequence[str]) -> dict[str, StepResult | EngineError]:
        return {slot: self._try_step(self._slots[slot]) for slot in slots}

    def _try_step(self, slot: _Slot) -> StepResult | EngineError:
        """Answers with the slot's own failure. What has poisoned the device is raised: it ends every slot."""
        try:
            return self._step(slot)
        except torch.OutOfMemoryError as error:
            failed = EngineError(
                "DoesNotFit", f"out of device memory in step {slot.step + 1}: {first_line(error)}"
            )
        except torch.AcceleratorError:
            raise
        except EngineError as error:
            failed = error
        except Exception as error:
            log.error("a defect ended one slot", exc_info=error, extra={"fields": {"step": slot.step + 1}})
            failed = defect(error)
        slot.optimizer.zero_grad(set_to_none=True)
        return failed

    def _step(self, slot: _Slot) -> StepResult:
        started = monotonic()
        train = slot.spec.train
        size = train.per_device_train_batch_size
        units = slot.cursor.take(size * train.gradient_accumulation_steps)
        labels = label_count(slot.data, units)
        rate = train.learning_rate * rate_factor(
            train.lr_scheduler_type,
            slot.step,
            slot.spec.total_steps,
            warmup_steps(slot.spec.total_steps, train.warmup_ratio),
        )
        total = torch.zeros((), device=self._device)
        parameters = [parameter for _, parameter in slot.named]
        with (
            full_determinism(train.full_determinism, self._device),
            self._adapters.switched_on(slot.name, training=True) as model,
        ):
            for micro, start in enumerate(range(0, len(units), size)):
                batch = unit_batch(slot.data, units[start : start + size], self._device)
                with (
                    seeded(derive_seed(train.seed, "dropout", slot.step, micro), self._device),
                    compute_context(model, self._device),
                ):
                    part = loss_sum(model, batch) / max(labels, 1)
                part.backward()
                total += part.detach()
            norm = _gradient_norm(parameters, train.max_grad_norm)
        loss, gradient = float(total), float(norm)
        finite = math.isfinite(loss) and math.isfinite(gradient)
        if finite:
            set_rate(slot.optimizer, rate)
            slot.optimizer.step()
            slot.step += 1
        slot.optimizer.zero_grad(set_to_none=True)
        return StepResult(
            step=slot.step,
            loss=loss if math.isfinite(loss) else None,
            learning_rate=rate,
            grad_norm=gradient if math.isfinite(gradient) else None,
            label_tokens=labels,
            seconds=monotonic() - started,
        )

    def evaluate(self, slot: str | None, data: TokenisedSplit, request: EvalRequest) -> Evaluation:
        name = self._adapter_name(slot)
        deterministic = slot in self._slots and self._slots[slot].spec.train.full_determinism

        @contextmanager
        def active() -> Iterator[PreTrainedModel]:
            with (
                full_determinism(deterministic, self._device),
                self._adapters.switched_on(name, training=False) as model,
                compute_context(model, self._device),
            ):
                yield model

        return self._evaluation(scoring.evaluate(active, self._adapters.base.tokenizer, data, request))

    def _evaluation(self, walk: Evaluation) -> Generator[None, None, EvalResult]:
        return (yield from walk)

    def snapshot(self, slot: str) -> Snapshot:
        known = self._slots[slot]
        return Snapshot(
            adapter_config=config_bytes(self._adapters.config(known.name)),
            adapter=adapter_bytes(self._adapters.tensors(known.name)),
            state=save(optimizer_tensors(known.optimizer, known.named)),
            meta={
                "schemaVersion": 1,
                "step": known.step,
                "totalSteps": known.spec.total_steps,
                "cursor": {
                    "epoch": known.cursor.epoch,
                    "index": known.cursor.index,
                    "seed": known.cursor.seed,
                },
                "seed": known.spec.train.seed,
                "initSha256": known.info.init_sha256,
                "config": {"train": asdict(known.spec.train), "lora": asdict(known.spec.lora)},
            },
        )

    def _adapter_name(self, slot: str | None) -> str | None:
        if slot is None:
            return None
        return self._slots[slot].name if slot in self._slots else self._attached[slot]


def _gradient_norm(parameters: list[nn.Parameter], limit: float | None) -> torch.Tensor:
    """Norm over the slot's own gradients, which are clipped to `limit` in place."""
    if limit is not None:
        return nn.utils.clip_grad_norm_(parameters, limit)
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
