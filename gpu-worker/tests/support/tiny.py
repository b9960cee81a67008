"""Models and rows small enough to train in milliseconds, from fixed seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from belay_gpu.data.packing import pack_rows
from belay_gpu.data.tokenised import IGNORED, SplitInfo, TokenisedSplit, encode_split

VOCAB = 64
PAD, EOS = 0, 1
WORDS = [f"w{n}" for n in range(VOCAB - 2)]


def save_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    vocab = {token: index for index, token in enumerate(["<pad>", "<eos>", *WORDS])}
    inner = Tokenizer(WordLevel(vocab, unk_token="w0"))
    inner.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="w0", model_max_length=64
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def save_llama(
    folder: Path, *, layers: int = 2, hidden: int = 32, seed: int = 0, dropout: float = 0.0, tied: bool = True
) -> Path:
    """A random Llama with its tokenizer, as a folder."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=tied,
            attention_dropout=dropout,
            pad_token_id=PAD,
            eos_token_id=EOS,
            bos_token_id=None,
        )
    )
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_gpt2(folder: Path, seed: int = 0) -> Path:
    """A random GPT-2, whose embedding is not called as Llama's is, and is its output head as well."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=EOS, eos_token_id=EOS
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_bert(folder: Path, seed: int = 0) -> Path:
    """A random encoder without a classification head."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=PAD,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def copy_task(
    rows: int,
    *,
    split: str = "train",
    seed: int = 1,
    packed_to: int | None = None,
    added_tokens: list[str] | None = None,
    end: bool = True,
) -> TokenisedSplit:
    """Prompts of some words, whose completion is the first three of them again, then (if `end`) end of
    sequence.
    """
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    labels: list[int] = []
    offsets, prompt_lengths, sizes, prompts, completions = [0], [], [], [], []
    for _ in range(rows):
        prompt = rng.integers(2, VOCAB, rng.integers(4, 9)).tolist()
        answer = [*prompt[:3], *([EOS] if end else [])]
        ids += [*prompt, *answer]
        labels += [*[IGNORED] * len(prompt), *answer]
        offsets.append(len(ids))
        prompt_lengths.append(len(prompt))
        prompts.append(" ".join(WORDS[token - 2] for token in prompt))
        completions.append(" ".join(WORDS[token - 2] for token in prompt[:3]))
        sizes.append(len(completions[-1].encode()))
    return TokenisedSplit(
        info=SplitInfo("causal_lm", split, packed_to or 32, PAD, EOS, added_tokens=added_tokens or []),
        input_ids=np.array(ids, dtype=np.int32),
        labels=np.array(labels, dtype=np.int32),
        row_offsets=np.array(offsets, dtype=np.int64),
        prompt_lengths=np.array(prompt_lengths, dtype=np.int32),
        completion_bytes=np.array(sizes, dtype=np.int32),
        row_ids=np.arange(rows, dtype=np.int64),
        class_ids=None,
        prompts=prompts,
        completions=completions,
        bins=pack_rows(np.diff(offsets).tolist(), packed_to) if packed_to else [],
    )


def class_task(rows: int, *, classes: int = 3, split: str = "train", seed: int = 1) -> TokenisedSplit:
    """Rows of words; the class is told by which third of the vocabulary they come from."""
    rng = np.random.default_rng(seed)
    width = (VOCAB - 2) // classes
    lengths = rng.integers(4, 10, rows)
    kinds = rng.integers(0, classes, rows)
    ids = np.concatenate(
        [rng.integers(2 + k * width, 2 + (k + 1) * width, n) for k, n in zip(kinds, lengths, strict=True)]
    )
    return TokenisedSplit(
        info=SplitInfo(
            "sequence_classification", split, 32, PAD, EOS, class_names=[f"c{k}" for k in range(classes)]
        ),
        input_ids=ids.astype(np.int32),
        labels=np.full(len(ids), IGNORED, dtype=np.int32),
        row_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        prompt_lengths=np.zeros(rows, dtype=np.int32),
        completion_bytes=np.zeros(rows, dtype=np.int32),
        row_ids=np.arange(rows, dtype=np.int64),
        class_ids=kinds.astype(np.int32),
        prompts=[""] * rows,
        completions=[""] * rows,
    )


def write_split(folder: Path, split: TokenisedSplit) -> Path:
    path = folder / f"{split.info.split}.safetensors"
    path.write_bytes(encode_split(split))
    return path
