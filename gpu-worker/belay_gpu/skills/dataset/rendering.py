"""A row as one text, with the parts of it that are to be learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from belay_gpu.canonical import sha256_bytes
from belay_gpu.engine.errors import first_line
from belay_gpu.skills.dataset.clock import asks_for_the_date, with_stopped_clock
from belay_gpu.skills.dataset.files import invalid
from belay_gpu.skills.dataset.formats import Conversation, Example, Labelled, Message, Pair, Text
from belay_gpu.skills.dataset.turns import Span, by_generation_blocks, by_growing

PLAIN = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}"
    "### Response:\n{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}\n\n"
    "{% elif message.role == 'user' %}### Instruction:\n{{ message.content }}\n\n"
    "{% else %}### {{ message.role | capitalize }}:\n{{ message.content }}\n\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)
"""For conversations where the tokenizer brings no template."""


@dataclass(frozen=True)
class Rendered:
    """A row as text.

    Attributes:
        text: all of it.
        answers: character ranges that are to be answered: they carry a loss.
        prompt_end: where generation would start; 0 where there is nothing to generate.
        prompt: what is shown as the prompt.
        completion: the answer as the row has it.
        is_templated: the text has its special tokens already.
        learns_all: the rest carries a loss as well.
        turns: of the assistant, in a conversation.
        rewritten_turns: those of them that `answers` lacks, as the template does not leave them as they are.
    """

    text: str
    answers: tuple[Span, ...]
    prompt_end: int
    prompt: str
    completion: str
    is_templated: bool = False
    learns_all: bool = False
    turns: int = 0
    rewritten_turns: int = 0


@dataclass(frozen=True)
class Template:
    """How conversations become text. `jinja` None: rows of this data set are taken as they are.

    Attributes:
        source: for people.
        is_own: the tokenizer brings it.
    """

    source: str
    jinja: str | None = None
    is_own: bool = False

    @property
    def sha256(self) -> str | None:
        return None if self.jinja is None else sha256_bytes(self.jinja.encode())

    @property
    def writes_the_date(self) -> bool:
        return self.jinja is not None and asks_for_the_date(self.jinja)


def choose_template(wanted: str, tokenizer: PreTrainedTokenizerBase, has_conversations: bool) -> Template:
    """The template by `dataset.template`.

    Raises:
        SkillError: InvalidDataset where a template file is named that cannot be used.
    """
    if wanted not in ("auto", "none"):
        file = Path(wanted)
        if not file.is_file():
            raise invalid(f"dataset.template: there is no file {wanted}; expected auto, none or a file")
        if not has_conversations:
            raise invalid(
                f"dataset.template: {file.name} formats conversations (messages, sharegpt, alpaca), but "
                "these rows are none; remove the key"
            )
        return Template(f"file {file.name}", file.read_text(encoding="utf-8"))
    if not has_conversations:
        return Template("none: the rows are taken as they are")
    own = tokenizer.chat_template
    if wanted == "auto" and isinstance(own, str) and own:
        return Template("the tokenizer's own", own, is_own=True)
    return Template("plain: ### Instruction, ### Response", PLAIN)


def render(
    example: Example, template: Template, tokenizer: PreTrainedTokenizerBase, train_on_prompt: bool
) -> Rendered:
    """A row as text.

    Raises:
        SkillError: InvalidDataset where the template does not fit the row.
    """
    match example:
        case Pair(prompt, completion):
            text = prompt + completion
            answer = (len(prompt), len(text))
            return Rendered(text, (answer,), len(prompt), prompt, completion, learns_all=train_on_prompt)
        case Text(text):
            return Rendered(text, ((0, len(text)),), 0, "", text)
        case Labelled(text, label):
            return Rendered(text, (), 0, text, label)
        case Conversation(messages):
            return _conversation(messages, template, tokenizer, train_on_prompt)


def _conversation(
    messages: Sequence[Message], template: Template, tokenizer: PreTrainedTokenizerBase, train_on_prompt: bool
) -> Rendered:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    answered = sum(message.role == "assistant" for message in messages)
    assert template.jinja is not None
    jinja = with_stopped_clock(template.jinja)
    try:
        if "{% generation" in jinja.replace("{%-", "{%").replace("{%g", "{% g"):
            text, spans = by_generation_blocks(turns, jinja, tokenizer)
            rewritten = 0
        else:
            text, spans = by_growing(turns, jinja, tokenizer)
            rewritten = answered - len(spans)
    except Exception as error:
        if getattr(error, "type", None) == "InvalidDataset":
            raise
        raise invalid(f"chat template ({template.source}): {first_line(error)[:200]}") from error
    if not spans:
        raise invalid(f"chat template ({template.source}): it leaves the assistant's turns out")
    start = spans[-1][0]
    answer = messages[-1].content
    return Rendered(
        text,
        tuple(spans),
        start,
        text[:start],
        answer,
        is_templated=True,
        learns_all=train_on_prompt,
        turns=answered,
        rewritten_turns=rewritten,
    )
