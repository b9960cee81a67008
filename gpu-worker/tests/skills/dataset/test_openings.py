"""A prompt that many rows begin with makes no near-duplicates of them, nor the search for those slow."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from belay_gpu.skills.dataset.formats import Conversation, Example, Message, Pair
from belay_gpu.skills.dataset.openings import common_opening, own_texts
from belay_gpu.skills.dataset.shingles import Hashes, similarity
from belay_gpu.skills.dataset.similarity import MOST_UNLIKE, Clusters, find_alike, join_alike
from tests.skills.dataset.conftest import Run, Write, pairs

SYSTEM = " ".join(f"Rule {n}: answer as the {n * 7919 % 97}th clerk would." for n in range(50))
WORDS = "olga emil coins bricks fox dog shed garden lazy quick five jumps over brown".split()


def sentences(count: int, seed: int = 3) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(f"{rng.choice(WORDS)}{rng.randrange(1000)}" for _ in range(14)) for _ in range(count)]


def with_near_copies(texts: list[str]) -> list[str]:
    """The texts, and each tenth of them again with its last letter changed."""
    return [*texts, *(text[:-1] + "x" for text in texts[::10])]


def chat(question: str, system: str | None = None) -> Conversation:
    messages = (Message("user", question), Message("assistant", "done"))
    return Conversation(messages if system is None else (Message("system", system), *messages))


def clusters_of(texts: list[str], threshold: float) -> tuple[list[int], int]:
    """Roots, and the comparisons that were needed."""
    compared = 0

    def counted(a: Hashes, b: Hashes) -> float:
        nonlocal compared
        compared += 1
        return similarity(a, b)

    clusters = Clusters(len(texts))
    join_alike(clusters, dict(enumerate(texts)), threshold, counted)
    return clusters.roots(), compared


def test_a_shared_system_prompt_changes_nothing() -> None:
    questions = with_near_copies(sentences(1820))
    bare, prompted = [chat(each) for each in questions], [chat(each, SYSTEM) for each in questions]
    everything = [range(len(questions))]
    plain, _ = clusters_of(own_texts(bare, everything), 0.9)
    found, compared = clusters_of(own_texts(prompted, everything), 0.9)
    assert len(questions) > 2000 and found == plain
    assert Counter(Counter(found).values()) == {1: 1638, 2: 182}
    assert compared < len(questions)


def test_text_that_rows_share_elsewhere_costs_a_bounded_number_of_comparisons() -> None:
    texts = [f"{each} {SYSTEM[:900]}" for each in with_near_copies([text[:60] for text in sentences(400)])]
    found, compared = clusters_of(texts, 0.95)
    assert compared <= len(texts) * (MOST_UNLIKE // 2 + 1)
    assert found[400:] == list(range(0, 400, 10)), "its near copy is found for each"


def test_several_system_prompts_are_each_left_out() -> None:
    systems = [f"{kind} {SYSTEM}" for kind in ("first", "second", "third")]
    questions = sentences(90)
    rows = [chat(each, systems[n % 3]) for n, each in enumerate(questions)]
    assert own_texts(rows, [range(90)]) == [f"\n{each}\ndone" for each in questions]


def test_a_system_message_of_few_rows_is_what_they_are_about() -> None:
    documents = sentences(30)
    rows = [chat("Is it so?", documents[n // 3]) for n in range(90)]
    assert own_texts(rows, [range(90)]) == [f"{documents[n // 3]}\nIs it so?\ndone" for n in range(90)]


def test_each_file_has_its_own_opening_and_rows_of_any_are_freed_of_it() -> None:
    one, two = [f"Translate: {each}" for each in sentences(12)], [f"Sum up: {each}" for each in sentences(12)]
    rows: list[Example] = [Pair(prompt, "yes") for prompt in [*one, *two, one[0]]]
    own = own_texts(rows, [range(12), range(12, 24)])
    assert own[:12] == own[12:24] == [f"{each}\nyes" for each in sentences(12)]
    assert own[24] == own[0]


def test_an_opening_is_of_nearly_all_rows() -> None:
    assert common_opening([f"ask: {letter}" for letter in "abcdefghi"] + ["a stray"]) == "ask: "
    assert common_opening([f"ask: {letter}" for letter in "abcdefgh"] + ["one stray", "two strays"]) == ""
    assert common_opening(["ask: a", "ask: a"]) == common_opening([]) == ""
    assert common_opening(["ask", "ask: a"]) == "ask"


def test_equal_rows_are_those_with_the_prompt() -> None:
    found = find_alike(["one: a b", "two: a b", "one: a b"], 0.95, ["a b", "a b", "a b"])
    assert (found.exact, found.near) == ([0, 1, 0], [0, 0, 0])


def test_rows_under_a_long_prompt_are_split(write: Write, run: Run, chat_model: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["completion"]},
            ]
        }
        for row in pairs(30)
    ]
    found = run(write(rows), model=chat_model, cutoff_len=64, truncation="keep_end")
    assert found.profile.rows.test > 0
    assert found.profile.duplicates.near == 0
