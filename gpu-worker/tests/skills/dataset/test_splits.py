"""Splits: pure, by group, with nothing alike in two of them; and mixing of sources."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from belay_gpu.skills.dataset.mixing import repeated, used_rows
from belay_gpu.skills.dataset.splitting import split_units, units_of
from tests.skills.dataset.conftest import Run, Write, pairs, texts

HASH = "0" * 64
units = st.lists(st.integers(1, 6), min_size=3, max_size=40)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(sizes=units, seed=st.integers(0, 5), validation=st.integers(1, 8), test=st.integers(0, 8))
def test_split_is_pure_whole_and_disjoint(sizes: list[int], seed: int, validation: int, test: int) -> None:
    if validation + test >= sum(sizes):
        return
    rows = iter(range(sum(sizes)))
    members = [[next(rows) for _ in range(size)] for size in sizes]
    first = split_units(members, HASH, seed, validation, test)
    assert first == split_units(list(reversed(members)), HASH, seed, validation, test)
    assert sorted(row for split in first.values() for row in split) == list(range(sum(sizes)))
    home = {row: name for name, split in first.items() for row in split}
    assert all(len({home[row] for row in unit}) == 1 for unit in members)
    assert first["train"] and first["validation"] and bool(first["test"]) == (test > 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(counts=st.lists(st.integers(10, 60), min_size=2, max_size=5), seed=st.integers(0, 5))
def test_every_class_has_its_share_of_every_split(counts: list[int], seed: int) -> None:
    labels = [name for name, count in zip("abcde", counts, strict=False) for _ in range(count)]
    rows = len(labels)
    splits = split_units(
        [[n] for n in range(rows)], HASH, seed, rows // 5, rows // 5, lambda unit: labels[unit[0]]
    )
    for name in ("validation", "test"):
        for label, count in zip("abcde", counts, strict=False):
            share = sum(labels[row] == label for row in splits[name])
            assert abs(share - count / 5) <= 2


def test_split_depends_on_seed_and_data_set() -> None:
    members = [[row] for row in range(100)]
    splits = [split_units(members, h, s, 20, 20)["test"] for h in (HASH, "1" * 64) for s in (1, 2)]
    assert len({tuple(rows) for rows in splits}) == 4


@settings(max_examples=60, deadline=None, derandomize=True)
@given(roots=st.lists(st.integers(0, 4), min_size=1, max_size=20), data=st.data())
def test_units_tie_groups_and_likeness_together(roots: list[int], data: st.DataObject) -> None:
    firsts = [roots.index(root) for root in roots]
    groups = data.draw(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=len(roots), max_size=len(roots))
    )
    unit_of = {row: number for number, unit in enumerate(units_of(firsts, groups)) for row in unit}
    assert sorted(unit_of) == list(range(len(roots)))
    for a in range(len(roots)):
        for b in range(a):
            if firsts[a] == firsts[b] or (groups[a] is not None and groups[a] == groups[b]):
                assert unit_of[a] == unit_of[b]


def prompts(found: Any) -> dict[str, set[str]]:
    return {name: set(split.prompts) for name, split in found.splits.items()}


def test_the_same_file_and_seed_give_the_same_bytes(write: Write, run: Run) -> None:
    path = write(pairs(50))
    a, b, other = run(path), run(path), run(path, seed=12)
    assert a.split_sha256 == b.split_sha256 != other.split_sha256
    assert a.dataset_sha256 == b.dataset_sha256 == other.dataset_sha256
    assert [s.input_ids.tobytes() for s in a.splits.values()] == [
        s.input_ids.tobytes() for s in b.splits.values()
    ]


def test_sizes_as_shares_and_as_counts(write: Write, run: Run) -> None:
    path = write(pairs(100))
    shares = run(path, val_set_size=0.1, test_set_size=0.2).profile.rows
    counts = run(path, val_set_size=7, test_set_size=13).profile.rows
    assert (shares.train, shares.validation, shares.test) == (70, 10, 20)
    assert (counts.train, counts.validation, counts.test) == (80, 7, 13)


def test_rows_of_a_group_stay_together(write: Write, run: Run) -> None:
    rows = [{**row, "who": f"person {n % 17}"} for n, row in enumerate(pairs(100))]
    found = run(write(rows), group_by="who", val_set_size=0.2, test_set_size=0.2)
    who = {row["prompt"]: row["who"] for row in rows}
    by_split = {name: {who[prompt] for prompt in members} for name, members in prompts(found).items()}
    assert not by_split["train"] & by_split["validation"] and not by_split["train"] & by_split["test"]
    assert found.profile.groups is not None and found.profile.groups.count == 17


def test_equal_and_nearly_equal_rows_share_a_split(write: Write, run: Run) -> None:
    rows = pairs(40)
    long = " ".join(f"w{n * 31 % 97}" for n in range(50))
    twins = [
        {"prompt": f"{n} {long} {n}", "completion": f" {long}{end}"} for n in range(10) for end in ("", ".")
    ]
    found = run(write([*rows, *rows[:10], *twins]), val_set_size=0.3, test_set_size=0.3)
    seen = prompts(found)
    assert (
        not seen["train"] & seen["validation"]
        and not seen["train"] & seen["test"] | seen["validation"] & seen["test"]
    )
    assert found.profile.duplicates.exact == 10
    assert found.profile.duplicates.near >= 10
    assert (found.profile.leakage.exact, found.profile.leakage.near) == (0, 0)


def test_leakage_into_given_files_is_reported(write: Write, run: Run) -> None:
    rows = pairs(40)
    val = write(
        [rows[3], *({"prompt": f"val {n * 7919}", "completion": f"{n}"} for n in range(3))], "val.jsonl"
    )
    test = write([rows[5], rows[6], {"prompt": "nothing like", "completion": "the others"}], "test.jsonl")
    found = run(write(rows), val_path=val, test_path=test)
    assert found.profile.leakage.exact == 3
    assert found.profile.leakage.examples[0] == "data.jsonl, line 4 and val.jsonl, line 1"
    assert any(warning.startswith("leakage: 3 rows") for warning in found.profile.warnings)
    assert found.profile.rows.train == 40


def test_groups_that_are_also_in_given_files_are_reported(write: Write, run: Run) -> None:
    rows = [{**row, "who": f"person {n % 10}"} for n, row in enumerate(pairs(60))]
    val = write([{**row, "who": f"person {n}"} for n, row in enumerate(rows[40:44], 8)], "val.jsonl")
    test = write([{**rows[44], "who": "person 11"}, {**rows[45], "who": "nobody else"}], "test.jsonl")
    found = run(write(rows[:40]), val_path=val, test_path=test, group_by="who").profile
    assert (found.leakage.exact, found.leakage.near) == (0, 0)
    assert found.leakage.examples == [
        'data.jsonl, line 9 and val.jsonl, line 1 (group "person 8")',
        'data.jsonl, line 10 and val.jsonl, line 2 (group "person 9")',
        'val.jsonl, line 4 and test.jsonl, line 1 (group "person 11")',
    ]
    (warning,) = [each for each in found.warnings if each.startswith("leakage")]
    assert warning == (
        "leakage: 3 rows of the validation or test file are of 3 groups (dataset.group_by: who) that an "
        'earlier split has as well, so scores on them say too much ("person 11", "person 8", "person 9")'
    )
    assert found.groups is not None and found.groups.count == 10


def test_groups_that_nothing_shares_are_not_reported(write: Write, run: Run) -> None:
    rows = [{**row, "who": f"person {n % 10}"} for n, row in enumerate(pairs(60))]
    val = write([{**row, "who": "someone new"} for row in rows[40:44]], "val.jsonl")
    for keys in ({}, {"val_path": val}):
        found = run(write(rows[:40]), group_by="who", val_set_size=0.2, test_set_size=0.2, **keys).profile
        assert found.leakage.examples == []
        assert not any("group" in warning for warning in found.warnings)


def test_a_given_file_without_the_group_column_is_told(write: Write, run: Run) -> None:
    rows = [{**row, "who": f"person {n % 10}"} for n, row in enumerate(pairs(60))]
    val = write(pairs(70)[60:], "val.jsonl")
    warnings = run(write(rows), val_path=val, group_by="who").profile.warnings
    assert (
        "10 validation rows have no column who (dataset.group_by), so it cannot be told whether their groups "
        "are trained on (val.jsonl, line 1)"
    ) in warnings


def test_a_rare_label_goes_to_training(write: Write, run: Run, encoder: str) -> None:
    rows = texts(40, classes=2)
    rows[7]["label"] = "rare"
    for seed in range(8):
        found = run(
            write(rows),
            task="sequence_classification",
            model=encoder,
            seed=seed,
            val_set_size=0.4,
            test_set_size=0.4,
        )
        assert found.profile.labels is not None
        rare = next(label for label in found.profile.labels if label.name == "rare")
        assert (rare.train, rare.validation, rare.test) == (1, 0, 0)
        assert any("fewer than 8 training rows of" in warning for warning in found.profile.warnings)


def test_label_balance_counts_every_row(write: Write, run: Run, encoder: str) -> None:
    found = run(write(texts(60)), task="sequence_classification", model=encoder)
    assert found.profile.labels is not None
    assert [label.train + label.validation + label.test for label in found.profile.labels] == [20, 20, 20]


def test_max_samples(write: Write, run: Run) -> None:
    found = run(write(pairs(100)), max_samples=30)
    assert (found.profile.rows.read, found.profile.rows.used) == (100, 30)


def test_sources_by_weight(write: Write, run: Run) -> None:
    rows = pairs(90)
    sources = [
        {"path": write(rows[:30], "a.jsonl"), "weight": 2.5},
        {"path": write(rows[30:70], "b.jsonl"), "weight": 0.5},
        {"path": write(rows[70:], "c.jsonl")},
    ]
    found = run(sources, val_set_size=4, test_set_size=4)
    times = Counter(found.splits["train"].prompts)
    by_file = [
        [times[row["prompt"]] for row in part if times[row["prompt"]]]
        for part in (rows[:30], rows[30:70], rows[70:])
    ]
    assert set(by_file[0]) == {2, 3} and abs(by_file[0].count(3) - len(by_file[0]) / 2) <= 1
    assert set(by_file[1]) == {1} and len(by_file[1]) <= 20
    assert set(by_file[2]) == {1}
    assert found.profile.rows.used == 30 + 20 + 20
    assert any(
        line.startswith("20 of 90 rows are left out by the weights") for line in found.profile.warnings
    )
    assert [source.weight for source in found.profile.sources] == [2.5, 0.5, 1.0]
    validation = found.splits["validation"].prompts
    assert len(set(validation)) == len(validation) == 4


@settings(max_examples=50, deadline=None, derandomize=True)
@given(count=st.integers(1, 60), weight=st.floats(0.05, 4), limit=st.one_of(st.none(), st.integers(1, 80)))
def test_weights_are_kept(count: int, weight: float, limit: int | None) -> None:
    rows = list(range(count))
    used = used_rows([rows], [weight], limit, HASH, 1)
    assert used == sorted(set(used)) and set(used) <= set(rows)
    assert len(used) == min(count if weight >= 1 else max(1, round(weight * count)), limit or count)
    again = repeated(used, dict.fromkeys(rows, 0), [weight], HASH, 1)
    assert abs(len(again) - max(weight, 1) * len(used)) <= 1
    assert set(again) == set(used)


def test_no_test_rows_is_told(write: Write, run: Run) -> None:
    found = run(write(pairs(30)), test_set_size=0)
    assert set(found.splits) == {"train", "validation"}
    assert any(warning.startswith("no test rows") for warning in found.profile.warnings)


def test_contradicting_labels_are_told(write: Write, run: Run, encoder: str) -> None:
    rows = [
        *texts(30),
        {"text": "one and the same", "label": "c0"},
        {"text": "One and  the same", "label": "c1"},
    ]
    found = run(write(rows), task="sequence_classification", model=encoder)
    assert "2 rows have a text that also occurs under another label" in found.profile.warnings
