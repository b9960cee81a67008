"""The tokenizer as the rows were tokenised with it, in the files that `AutoTokenizer` loads."""

from __future__ import annotations

import tempfile
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from belay_gpu.skills.dataset.rendering import Template

HOW_IT_WAS_FOUND = ("is_local", "local_files_only")
"""Written by transformers beside what the tokenizer is; true of this process only."""


def tokenizer_files(tokenizer: PreTrainedTokenizerBase, template: Template) -> dict[str, bytes]:
    """Its files by their path: added tokens are among them, and the chat template that was learnt.

    The tokenizer keeps that template.
    """
    for key in HOW_IT_WAS_FOUND:
        tokenizer.init_kwargs.pop(key, None)
    if template.jinja is not None:
        tokenizer.chat_template = template.jinja
    with tempfile.TemporaryDirectory(prefix="belay-tokenizer-") as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
