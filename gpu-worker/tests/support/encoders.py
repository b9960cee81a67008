"""Bases whose classifiers have more to their heads than one layer; no file holds any of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
    XLNetConfig,
    XLNetLMHeadModel,
)

from tests.support.tiny import EOS, PAD, VOCAB, save_bert, save_tokenizer


def deberta() -> PreTrainedModel:
    config = DebertaV2Config(
        vocab_size=VOCAB, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, pad_token_id=PAD, relative_attention=True, pos_att_type=["c2p", "p2c"],
    )  # fmt: skip
    return DebertaV2ForMaskedLM(config)


def distilbert() -> PreTrainedModel:
    config = DistilBertConfig(
        vocab_size=VOCAB, dim=32, hidden_dim=64, n_layers=1, n_heads=2, max_position_embeddings=64
    )
    return DistilBertForMaskedLM(config)


def bart() -> PreTrainedModel:
    config = BartConfig(
        vocab_size=VOCAB, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64,
        pad_token_id=PAD, bos_token_id=EOS, eos_token_id=EOS, decoder_start_token_id=EOS,
        forced_eos_token_id=EOS,
    )  # fmt: skip
    return BartForConditionalGeneration(config)


def xlnet() -> PreTrainedModel:
    config = XLNetConfig(
        vocab_size=VOCAB, d_model=32, n_layer=1, n_head=2, d_inner=64, pad_token_id=PAD, eos_token_id=EOS
    )
    return XLNetLMHeadModel(config)


def t5() -> PreTrainedModel:
    config = T5Config(
        vocab_size=VOCAB, d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, pad_token_id=PAD,
        eos_token_id=EOS,
    )  # fmt: skip
    return T5ForConditionalGeneration(config)


def save(make: Callable[[], PreTrainedModel], folder: Path) -> Path:
    torch.manual_seed(0)
    make().save_pretrained(folder)
    save_tokenizer(folder)
    return folder


#: By name: saves the base in a folder. BERT's is of a masked language model, which has no pooler.
ENCODERS: dict[str, Callable[[Path], Path]] = {
    "deberta": lambda folder: save(deberta, folder),
    "distilbert": lambda folder: save(distilbert, folder),
    "bart": lambda folder: save(bart, folder),
    "xlnet": lambda folder: save(xlnet, folder),
    "bert": save_bert,
}
