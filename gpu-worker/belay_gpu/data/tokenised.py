"""One tokenised split: how the dataset skill writes it and the trainer reads it.

A split is one safetensors file. Rows lie end to end; row `i` is `[row_offsets[i], row_offsets[i + 1])`.

| tensor           | dtype | length | meaning                                                                |
|------------------|-------|--------|------------------------------------------------------------------------|
| input_ids        | int32 | tokens | prompt, completion, end-of-sequence token; no padding                  |
| labels           | int32 | tokens | the token itself where it carries a loss, else -100. Not shifted       |
| row_offsets      | int64 | rows+1 | begins with 0, ends with the number of tokens                          |
| prompt_lengths   | int32 | rows   | leading tokens that are the prompt (0: plain text, no generation)      |
| completion_bytes | int32 | rows   | UTF-8 bytes of the labels whose loss counts, for bits per byte         |
| row_ids          | int64 | rows   | index of the row in the data set as read                               |
| class_ids        | int32 | rows   | classification only: index into `class_names`; labels are then -100    |
| bin_rows         | int32 | rows   | packing only: row indices, bin after bin                               |
| bin_offsets      | int64 | bins+1 | packing only: bin `j` is `bin_rows[bin_offsets[j]:bin_offsets[j + 1]]` |
| texts            | uint8 | -      | UTF-8 JSON `{"prompts": [...], "completions": [...]}`, one per row     |

The header carries one metadata key, `belay`: canonical JSON of `SplitInfo`. The file's bytes are a pure
function of its content, so its SHA-256 names it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from belay_gpu.canonical import canonical_json

IGNORED = -100

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class SplitInfo:
    """What a reader must know beside the rows.

    Attributes:
        task: `causal_lm` or `sequence_classification`.
        split: `train`, `validation` or `test`.
        max_length: longest sequence that was allowed (`cutoff_len`); also the size of a packed bin.
        pad_token_id: token to pad with; any value, since padding is masked.
        eos_token_id: token at which generation stops.
        class_names: classification: the classes in order of their ids.
        added_tokens: tokens added to the base's tokenizer, in order; their rows are trained whole.
        chat_template: the template that formatted the rows, if it is not the tokenizer's own.
        schema_version: layout version.
    """

    task: Literal["causal_lm", "sequence_classification"]
    split: str
    max_length: int
    pad_token_id: int
    eos_token_id: int | None
    class_names: list[str] | None = None
    added_tokens: list[str] = field(default_factory=list)
    chat_template: str | None = None
    schema_version: int = 1


@dataclass(frozen=True)
class TokenisedSplit:
    """A split in memory. `bins` is empty unless rows are packed."""

    info: SplitInfo
    input_ids: Int32
    labels: Int32
    row_offsets: Int64
    prompt_lengths: Int32
    completion_bytes: Int32
    row_ids: Int64
    class_ids: Int32 | None
    prompts: list[str]
    completions: list[str]
    bins: list[list[int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.row_offsets) - 1

    @property
    def lengths(self) -> Int64:
        return np.diff(self.row_offsets)

    @property
    def training_units(self) -> int:
        """What a batch counts: packed bins where rows are packed, else rows."""
        return len(self.bins) or self.rows

    def unit_rows(self, unit: int) -> list[int]:
        """The rows of one training unit."""
        return self.bins[unit] if self.bins else [unit]

    def row(self, index: int) -> tuple[Int32, Int32]:
        """Token ids and labels of a row."""
        part = slice(int(self.row_offsets[index]), int(self.row_offsets[index + 1]))
        return self.input_ids[part], self.labels[part]


def encode_split(split: TokenisedSplit) -> bytes:
    """The split as the bytes of its safetensors file.

    Raises:
        ValueError: the arrays do not fit each other.
    """
    _check(split)
    texts = canonical_json({"prompts": split.prompts, "completions": split.completions})
    tensors: dict[str, np.ndarray] = {
        "input_ids": split.input_ids.astype(np.int32),
        "labels": split.labels.astype(np.int32),
        "row_offsets": split.row_offsets.astype(np.int64),
        "prompt_lengths": split.prompt_lengths.astype(np.int32),
        "completion_bytes": split.completion_bytes.astype(np.int32),
        "row_ids": split.row_ids.astype(np.int64),
        "texts": np.frombuffer(texts, dtype=np.uint8),
    }
    if split.class_ids is not None:
        tensors["class_ids"] = split.class_ids.astype(np.int32)
    if split.bins:
        tensors["bin_rows"] = np.array([row for rows in split.bins for row in rows], dtype=np.int32)
        tensors["bin_offsets"] = np.cumsum([0, *map(len, split.bins)], dtype=np.int64)
    return save(tensors, metadata={"belay": canonical_json(asdict(split.info)).decode()})


def read_info(path: Path) -> SplitInfo:
    """The header alone.

    Raises:
        ValueError: the file is not a tokenised split of this layout.
    """
    with safe_open(path, framework="numpy") as file:
        header = (file.metadata() or {}).get("belay")
    if header is None:
        raise ValueError(f"{path.name}: not a tokenised split (its header has no `belay` entry)")
    info = SplitInfo(**json.loads(header))
    if info.schema_version != 1:
        raise ValueError(f"{path.name}: layout version {info.schema_version} is not known (this reads 1)")
    return info


def read_split(path: Path) -> TokenisedSplit:
    """Reads what `encode_split` made.

    Raises:
        ValueError: the file is not a tokenised split of this layout.
    """
    info = read_info(path)
    with safe_open(path, framework="numpy") as file:
        names = set(file.keys())
        tensors = {name: file.get_tensor(name) for name in names}
    texts = json.loads(tensors["texts"].tobytes())
    bins: list[list[int]] = []
    if "bin_offsets" in names:
        bounds = tensors["bin_offsets"].tolist()
        rows = tensors["bin_rows"].tolist()
        bins = [rows[start:end] for start, end in pairwise(bounds)]
    split = TokenisedSplit(
        info=info,
        input_ids=tensors["input_ids"],
        labels=tensors["labels"],
        row_offsets=tensors["row_offsets"],
        prompt_lengths=tensors["prompt_lengths"],
        completion_bytes=tensors["completion_bytes"],
        row_ids=tensors["row_ids"],
        class_ids=tensors.get("class_ids"),
        prompts=texts["prompts"],
        completions=texts["completions"],
        bins=bins,
    )
    _check(split)
    return split


def _check(split: TokenisedSplit) -> None:
    rows, tokens = split.rows, len(split.input_ids)
    if rows < 0 or int(split.row_offsets[0]) != 0 or int(split.row_offsets[-1]) != tokens:
        raise ValueError(f"row_offsets must run from 0 to the number of tokens ({tokens})")
    if len(split.labels) != tokens:
        raise ValueError(f"labels has {len(split.labels)} entries for {tokens} tokens")
    per_row = {
        "prompt_lengths": split.prompt_lengths,
        "completion_bytes": split.completion_bytes,
        "row_ids": split.row_ids,
        "prompts": split.prompts,
        "completions": split.completions,
    }
    if split.class_ids is not None:
        per_row["class_ids"] = split.class_ids
    for name, values in per_row.items():
        if len(values) != rows:
            raise ValueError(f"{name} has {len(values)} entries for {rows} rows")
    if split.bins and sorted(row for rows_ in split.bins for row in rows_) != list(range(rows)):
        raise ValueError("bins must hold every row exactly once")
