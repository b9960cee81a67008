"""PEFT adapters over one resident frozen base: which are there, and which one is switched on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.functional import delete_adapter
from torch import nn
from transformers import PreTrainedModel

from belay_gpu.engine import adapter as adapters
from belay_gpu.engine.architecture import architecture
from belay_gpu.engine.base_model import load_base
from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.engine.seeds import seeded
from belay_gpu.engine.spec import BaseSpec, LoraParams


class ResidentAdapters:
    """Adapters go by names that are given out here; a name is never given out twice."""

    def __init__(self, base: BaseSpec, device: torch.device) -> None:
        self.base = load_base(base, device)
        model = self.base.model
        self._known = architecture(model, base.task)
        #: Where each module of the bare base belongs: PEFT puts its own in their places.
        self._places = [
            (model.get_submodule(owner), name, module)
            for path, module in model.named_modules(remove_duplicate=False)
            for owner, _, name in [path.rpartition(".")]
            if path
        ]
        self._device = device
        self._peft: PeftModel | None = None
        self._names = (f"slot{n}" for n in count())
        self._active: str | None = None

    def add_fresh(self, params: LoraParams, seed: int) -> str:
        """An adapter as a trial begins with it, drawn from `seed`.

        Raises:
            EngineError: InvalidSpec where the base has no such layer, or not for this; Unsupported.
        """
        name = next(self._names)
        config = adapters.lora_config(self.base, self._known, params)
        # PEFT draws from the process's generator: seeded here for the trial, put back afterwards.
        with seeded(seed, self._device):
            try:
                peft = self._add(name, config)
            except (ValueError, TypeError) as error:
                raise EngineError("InvalidSpec", f"lora: {first_line(error)}") from error
            adapters.fresh_parts(self.base, self._known, peft, name, seed)
        return name

    def add(self, config: PeftConfig, tensors: dict[str, torch.Tensor]) -> str:
        """An adapter with these weights. Raises: what PEFT does where they do not fit the base."""
        name = next(self._names)
        try:
            self._add(name, config)
            self.set_weights(name, tensors)
        except Exception:
            self.remove(name)
            raise
        return name

    def _add(self, name: str, config: PeftConfig) -> PeftModel:
        adapters.tie(config, self._known)
        self._active = None
        try:
            if self._peft is None:
                self._peft = get_peft_model(self.base.model, config, adapter_name=name)  # type: ignore[assignment]
            else:
                self._peft.add_adapter(name, config)
        except Exception:
            self._take_out(name)
            raise
        # PEFT's new modules begin in training mode, their dropout switched on, whatever mode the base is in.
        self.base.model.train(self.base.model.training)
        return self._wrapped

    def _take_out(self, name: str) -> None:
        """Removes what an adapter that failed half-way has put into the base."""
        if self._peft is None:
            self._lay_bare()
        else:
            delete_adapter(self.base.model, name, self._peft.base_model.prefix)  # type: ignore[union-attr]

    def _lay_bare(self) -> None:
        """Puts the base's own modules back. PEFT's `unload` would leave those that an adapter trained whole,
        and knows nothing of an adapter that failed half-way.
        """
        model = self.base.model
        for owner, name, module in self._places:
            setattr(owner, name, module)
        if hasattr(model, "peft_config"):
            del model.peft_config
        model.requires_grad_(False)
        model.train(model.training)

    @property
    def _wrapped(self) -> PeftModel:
        assert self._peft is not None, "there is no adapter"
        return self._peft

    def set_weights(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """Raises: ValueError where a weight is unknown or missing."""
        result = set_peft_model_state_dict(self._wrapped, tensors, adapter_name=name)
        if result.unexpected_keys:
            raise ValueError(f"unknown weights {sorted(result.unexpected_keys)[:3]}")
        known = set(self.tensors(name))
        if known != set(tensors):
            raise ValueError(f"weights are missing: {sorted(known - set(tensors))[:3]}")

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """Its weights by PEFT's file names, on the CPU."""
        return adapters.adapter_tensors(self._wrapped, name)

    def trainable(self, name: str) -> list[tuple[str, nn.Parameter]]:
        """Its parameters by their names in files, in a fixed order."""
        return [(key.replace(f".{name}", ""), p) for key, p in adapters.trainable(self._wrapped, name)]

    def config(self, name: str) -> LoraConfig:
        return self._wrapped.peft_config[name]  # type: ignore[return-value]

    def remove(self, name: str) -> None:
        """A name that is not there is ignored."""
        if self._peft is None or name not in self._peft.peft_config:
            return
        self._active = None
        if len(self._peft.peft_config) == 1:
            # The last one takes the wrappers with it: a bare base is then really bare.
            self._peft = None
            self._lay_bare()
        else:
            survivor = next(other for other in self._peft.peft_config if other != name)
            self._peft.set_adapter(survivor)
            self._peft.delete_adapter(name)
        gc.collect()

    @contextmanager
    def switched_on(self, name: str | None, *, training: bool) -> Iterator[PreTrainedModel]:
        """The base with this adapter, or with none."""
        model = self.base.model
        if model.training != training:
            model.train(training)
        if self._peft is None:
            yield model
        elif name is None:
            with self._peft.disable_adapter():
                yield model
            self._active = None
        else:
            if self._active != name:
                self._peft.set_adapter(name)
                self._active = name
            yield model
