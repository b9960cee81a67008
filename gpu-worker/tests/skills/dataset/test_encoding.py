"""Rows as tokens: the bytes that they are counted by, and pieces that are tokenised apart."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers.pre_tokenizers import ByteLevel

from belay_gpu.data.tokenised import IGNORED
from belay_gpu.skills.dataset.encoding import Encoded, Encoder, cut
from belay_gpu.skills.dataset.formats import Example, Pair, Text
from belay_gpu.skills.dataset.rendering import Template, render
from tests.support.words import byte_tokenizer


def encoded(example: Example, puts_a_space: bool = False, learns_all: bool = False) -> Encoded:
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=puts_a_space)
    (row,) = Encoder(tokenizer, teaches_end=True).encode(
        [render(example, Template("none"), tokenizer, learns_all)]
    )
    return row


def spelt(row: Encoded) -> int:
    """Bytes of the tokens whose loss counts, without the end: this tokenizer writes a byte as one letter."""
    counted = row.ids[1:][row.labels[1:] != IGNORED]
    return sum(len(str(token)) for token in byte_tokenizer().convert_ids_to_tokens(counted.tolist()[:-1]))


@pytest.mark.parametrize(
    ("example", "learns_all"),
    [
        (Text("give olga five coins"), False),
        (Text("漢字 for olga"), False),
        (Text("ß"), False),
        (Pair("", "give olga five"), False),
        (Pair("to olga:", " five"), True),
        (Pair("to olga:", " five"), False),
    ],
)
def test_bytes_are_those_of_the_tokens_whose_loss_counts(example: Example, learns_all: bool) -> None:
    row = encoded(example, learns_all=learns_all)
    assert row.learnt_bytes == spelt(row) > 0


def test_a_cut_takes_the_bytes_of_the_tokens_whose_loss_no_longer_counts() -> None:
    ids = np.arange(10, dtype=np.int32)
    row = cut(Encoded(ids, ids, 0, 90, len(ids)), 5, "keep_end")
    assert row is not None and (row.label_tokens, row.learnt_bytes) == (4, 40)


@pytest.mark.parametrize("pair", [Pair("the qu", "ick fox"), Pair("five ", "coins"), Pair("five", " coins")])
def test_what_is_tokenised_apart_gains_no_space(pair: Pair) -> None:
    row = encoded(pair, puts_a_space=True)
    assert byte_tokenizer().decode(row.ids[:-1]) == f" {pair.prompt}{pair.completion}"
    assert byte_tokenizer().decode(row.ids[row.prompt_length : -1]) == pair.completion
