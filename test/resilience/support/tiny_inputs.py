"""A base model that has learnt nothing, and rows of the command language: `python tiny_inputs.py DIR`.

Tests of durability need a real model, tokenizer and data set, and no quality.
"""

import sys
from pathlib import Path

import torch

from belay_gpu.examples import command_language as language
from belay_gpu.examples import tiny_llama
from belay_gpu.examples.quickstart import command_rows, write_jsonl

ROWS = {"train": 256, "validation": 32, "test": 32}


def main(out: Path) -> None:
    torch.manual_seed(1)
    tokenizer = tiny_llama.word_tokenizer(language.vocabulary())
    tiny_llama.save(tiny_llama.new_model(tokenizer), tokenizer, out / "base")
    rows = command_rows()
    for name, count in ROWS.items():
        write_jsonl(out / f"{name}.jsonl", rows[name][:count])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
