"""What a row means: the known formats, found from the columns or named by the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from belay_gpu.contracts import DatasetFormat, DatasetSpec, Task
from belay_gpu.skills.dataset.files import Row, invalid

LABEL_COLUMNS = ("label", "labels", "category", "class")
ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "function_call": "assistant",
    "observation": "tool",
    "developer": "system",
}


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Pair:
    """A prompt and what should follow it, both taken as they are."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Conversation:
    """Turns, the last of them the assistant's."""

    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Text:
    """Plain text, all of it to be learnt."""

    text: str


@dataclass(frozen=True)
class Labelled:
    """A text and its class."""

    text: str
    label: str


Example = Pair | Conversation | Text | Labelled


@dataclass(frozen=True)
class Reading:
    """How rows of one format are read. `columns` must all be there for a row to be of this format."""

    columns: tuple[str, ...]
    parse: Callable[[Row], Example]


def readings(spec: DatasetSpec, columns: Sequence[str]) -> dict[DatasetFormat, Reading]:
    """Formats by name, in the order in which they are looked for."""
    text = spec.text_column or "text"
    label = spec.label_column or next((name for name in LABEL_COLUMNS if name in columns), LABEL_COLUMNS[0])
    return {
        "messages": Reading(("messages",), _messages),
        "sharegpt": Reading(("conversations",), _sharegpt),
        "prompt_completion": Reading(("prompt", "completion"), _pair),
        "alpaca": Reading(("instruction", "output"), _alpaca),
        "text": Reading((text,), lambda row: Text(_string(row, text))),
        "labelled_text": Reading((text, label), lambda row: Labelled(_string(row, text), _label(row, label))),
    }


def choose_format(
    task: Task, spec: DatasetSpec, first: Row, columns: Sequence[str]
) -> tuple[DatasetFormat, str]:
    """The format of a data set, and why.

    Raises:
        SkillError: InvalidDataset.
    """
    known = readings(spec, columns)
    if task == "sequence_classification":
        if spec.type not in ("auto", "labelled_text"):
            raise invalid(
                f"dataset.type: {spec.type} has no labels; sequence_classification reads labelled_text"
            )
        return "labelled_text", _reason("labelled_text", known, "the task is sequence_classification")
    if spec.type == "labelled_text":
        raise invalid(
            "dataset.type: labelled_text is for the task sequence_classification, not for causal_lm"
        )
    if spec.type != "auto":
        return spec.type, _reason(spec.type, known, "named by dataset.type")
    for name, reading in known.items():
        if name != "labelled_text" and all(column in first.values for column in reading.columns):
            return name, _reason(name, known, "found")
    expected = "; ".join(" + ".join(r.columns) for name, r in known.items() if name != "labelled_text")
    raise invalid(
        f"{first.place}: no known format in the columns {_listed(first.values)}; expected one of: {expected}"
    )


def _reason(name: DatasetFormat, known: Mapping[DatasetFormat, Reading], why: str) -> str:
    return f"{why}: columns {_listed(known[name].columns)}"


def parse_rows(
    rows: Sequence[Row], format: DatasetFormat, spec: DatasetSpec, columns: Sequence[str]
) -> list[Example]:
    """Every row by one format.

    Raises:
        SkillError: InvalidDataset, naming the first row that differs.
    """
    known = readings(spec, columns)
    reading = known[format]
    return [_parse(row, rows[0], format, reading, known) for row in rows]


def _parse(
    row: Row, first: Row, format: DatasetFormat, reading: Reading, known: Mapping[DatasetFormat, Reading]
) -> Example:
    missing = [column for column in reading.columns if column not in row.values]
    if missing:
        others = [
            name
            for name, other in known.items()
            if name not in (format, "labelled_text") and all(column in row.values for column in other.columns)
        ]
        if others and row is not first:
            raise invalid(
                f"mixed formats: the rows before it are {format}, but {row.place} is {others[0]} "
                f"(columns {_listed(row.values)}); convert them to one format: all files of an experiment "
                "have the same"
            )
        named = "; dataset.text_column and label_column name others" if format == "labelled_text" else ""
        raise invalid(
            f"{row.place}: no column {_listed(missing)}; {format} rows need {_listed(reading.columns)}, "
            f"this one has {_listed(row.values)}{named}"
        )
    return reading.parse(row)


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(names) or "(none)"


def _string(row: Row, column: str, value: Any = None, empty: bool = False) -> str:
    value = row.values[column] if value is None else value
    if not isinstance(value, str):
        found = "null" if value is None else f"{type(value).__name__} {value!r}"[:60]
        raise invalid(f"{row.place}: {column} should be text, found {found}")
    if not value.strip() and not empty:
        raise invalid(f"{row.place}: {column} is empty; fill it or remove the row")
    return value


def _label(row: Row, column: str) -> str:
    value = row.values[column]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return _string(row, column)


def _pair(row: Row) -> Pair:
    return Pair(_string(row, "prompt", empty=True), _string(row, "completion"))


def _alpaca(row: Row) -> Conversation:
    system = row.values.get("system")
    asked = _string(row, "instruction")
    if row.values.get("input"):
        asked = f"{asked}\n\n{_string(row, 'input')}"
    messages = [Message("user", asked), Message("assistant", _string(row, "output"))]
    if system:
        messages.insert(0, Message("system", _string(row, "system")))
    return Conversation(tuple(messages))


def _messages(row: Row) -> Conversation:
    return _conversation(row, "messages", "role", "content")


def _sharegpt(row: Row) -> Conversation:
    conversation = _conversation(row, "conversations", "from", "value")
    if row.values.get("system"):
        system = Message("system", _string(row, "system"))
        return Conversation((system, *conversation.messages))
    return conversation


def _conversation(row: Row, column: str, who: str, what: str) -> Conversation:
    turns = row.values[column]
    if not isinstance(turns, list) or not turns:
        raise invalid(f"{row.place}: {column} should be a list of {{{who}, {what}}}")
    messages: list[Message] = []
    for number, turn in enumerate(turns, 1):
        at = f"{column}[{number}]"
        if not isinstance(turn, dict) or who not in turn or what not in turn:
            raise invalid(f"{row.place}: {at} should be an object with {who} and {what}")
        role = ROLES.get(str(turn[who]).lower())
        if role is None:
            raise invalid(f"{row.place}: {at}.{who} is {turn[who]!r}; expected one of {', '.join(ROLES)}")
        content = "" if turn[what] is None else turn[what]
        messages.append(Message(role, _string(row, f"{at}.{what}", content, empty=role != "assistant")))
    while messages and messages[-1].role != "assistant":
        messages.pop()  # a question that nobody answered teaches nothing
    if not messages:
        raise invalid(f"{row.place}: no turn in {column} is the assistant's, so there is nothing to learn")
    return Conversation(tuple(messages))


def identity(example: Example) -> str:
    """The text by which two rows are compared."""
    match example:
        case Pair(prompt, completion):
            return f"{prompt}\n{completion}"
        case Conversation(messages):
            return "\n".join(message.content for message in messages)
        case Text(text) | Labelled(text, _):
            return text
