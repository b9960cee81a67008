"""Pretrains the quick start's base: a Llama small enough for two CPU cores, saved as any model is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.pre_tokenizers import Split, WhitespaceSplit
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    get_linear_schedule_with_warmup,
)

PAD, END, UNKNOWN = SPECIAL_TOKENS = "<pad>", "<eos>", "<unk>"
STEPS = 1500
BATCH = 16
WARMUP = 40
LEARNING_RATE = 4e-3
# Both make attention to an earlier equal word appear in time; with the usual 0.999 and 0.02 it does not.
BETAS = (0.9, 0.95)
INITIAL_SPREAD = 0.06
LONGEST = 128
# Fixed, because the last bits follow from the number of threads. A second one gains a tenth on a quiet
# machine and waits most of its time on a busy one, as a machine is that builds servers meanwhile.
THREADS = 1

Progress = Callable[[int, float], None]


def word_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """One token per word, digit or sign. Spaces separate and are not tokens."""
    vocabulary = {token: index for index, token in enumerate([*SPECIAL_TOKENS, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Steps([WhitespaceSplit(), Split(Regex("[a-z]+|[^a-z]"), "isolated")])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        model_max_length=LONGEST,
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """818,304 parameters with the 208 tokens of the command language, for which the recipe was tuned."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        initializer_range=INITIAL_SPREAD,
        bos_token_id=None,
        eos_token_id=SPECIAL_TOKENS.index(END),
        pad_token_id=SPECIAL_TOKENS.index(PAD),
    )
    return LlamaForCausalLM(config)


def pretrain(
    draw: Callable[[Random], str], words: Sequence[str], seed: int, progress: Progress
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Learns the language's lines, one a row, in a fixed number of steps: equal bits on equal machines."""
    torch.manual_seed(seed)
    torch.set_num_threads(THREADS)
    rng = Random(seed)
    tokenizer = word_tokenizer(words)
    model = new_model(tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=BETAS, weight_decay=0.01, fused=True
    )
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    for step in range(1, STEPS + 1):
        lines = [draw(rng) + f" {END}" for _ in range(BATCH)]
        rows = tokenizer(lines, padding=True, return_tensors="pt", return_token_type_ids=False)
        labels = rows["input_ids"].masked_fill(rows["attention_mask"] == 0, -100)
        loss = model(**rows, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress(step, loss.item())
    return model, tokenizer


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes config, safetensors weights and tokenizer."""
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
