"""What many rows begin with: the prompt of a task, which says nothing of how much two rows are alike.

A system prompt far longer than a row's own text would make near-duplicates of all rows of a data set.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from belay_gpu.skills.dataset.formats import Conversation, Example, identity

# Of a file's rows, those that must share an opening. The rest may be strays: rows without the prompt.
NEARLY_ALL = 0.9
# A file may have several system prompts, each for this share of its rows and for this many of them at least;
# one of fewer rows may be what the row is about, such as a document that is asked about.
SYSTEM_SHARE = 0.1
SYSTEM_ROWS = 10


def own_texts(examples: Sequence[Example], files: Sequence[Sequence[int]]) -> list[str]:
    """The text of each row behind the opening that it shares with others.

    Args:
        examples: all rows.
        files: row numbers of each file that has openings of its own, such as the prompt of its task. A row of
            any file is freed of the longest that it begins with.
    """
    texts = [identity(example) for example in examples]
    openings = {
        opening
        for rows in files
        for opening in (
            common_opening([texts[row] for row in rows]),
            *_system_prompts([examples[row] for row in rows]),
        )
    }
    longest_first = sorted(openings, key=lambda opening: (-len(opening), opening))
    return [
        text.removeprefix(next((each for each in longest_first if text.startswith(each)), ""))
        for text in texts
    ]


def common_opening(texts: Sequence[str]) -> str:
    """The longest prefix of nearly all distinct texts; empty where there are not two."""
    ordered = sorted(set(texts))
    needed = max(2, math.ceil(NEARLY_ALL * len(ordered)))
    # In this order texts of one prefix stand together, and the first and the last have the least in common.
    shared = (_shared(first, last) for first, last in zip(ordered, ordered[needed - 1 :], strict=False))
    return max(shared, key=len, default="")


def _shared(a: str, b: str) -> str:
    """The longest prefix of both, by halving: a character at a time would be slow on long prompts."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return a[:low]


def _system_prompts(examples: Sequence[Example]) -> list[str]:
    counts = Counter(
        example.messages[0].content
        for example in examples
        if isinstance(example, Conversation) and example.messages[0].role == "system"
    )
    needed = max(SYSTEM_ROWS, SYSTEM_SHARE * len(examples))
    return [prompt for prompt, count in counts.items() if count >= needed]
