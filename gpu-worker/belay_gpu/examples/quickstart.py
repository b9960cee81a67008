"""Makes what `experiments/quickstart.yaml` starts from: `python -m belay_gpu.examples.quickstart --out DIR`.

Afterwards DIR holds
    base/                   the pretrained model, a Hugging Face folder with its own tokenizer
    data/train.jsonl        2,000 rows of {prompt, completion}
    data/validation.jsonl     128
    data/test.jsonl           256; no request is in two of the three
    data/unseen.jsonl         256 requests in phrasings that no other file uses

The result depends on this package's sources alone, so it can be cached under a hash of them. DIR appears
whole or not at all; when it is already there, nothing is done. The experiment looks for DIR at
`.belay/quickstart` of the checkout.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

from belay_gpu.examples import command_language as language
from belay_gpu.examples.folder import whole_folder

SEED = 20
ROWS = {"train": 2000, "validation": 128, "test": 256}
UNSEEN_ROWS = 256


def draw_rows(rng: Random, count: int, *, unseen: bool, taken: set[str]) -> list[dict[str, str]]:
    """Distinct requests that are not in `taken`, which grows; intents and phrasings take turns."""
    ways = [
        (intent, phrasing)
        for intent in language.INTENTS
        for phrasing in (intent.unseen if unseen else intent.phrasings)
    ]
    rows: list[dict[str, str]] = []
    while len(rows) < count:
        intent, phrasing = ways[len(rows) % len(ways)]
        request = language.draw_request(rng, intent, phrasing)
        if request.text in taken:
            continue
        taken.add(request.text)
        rows.append({"prompt": language.prompt_of(request.text), "completion": request.call})
    rng.shuffle(rows)
    return rows


def command_rows(seed: int = SEED) -> dict[str, list[dict[str, str]]]:
    """Rows of every file, by name."""
    rng = Random(seed)
    taken: set[str] = set()
    # The small splits first: what is rare among the requests must not be used up by the training rows.
    names = ("test", "validation", "train")
    rows = {name: draw_rows(rng, ROWS[name], unseen=False, taken=taken) for name in names}
    rows["unseen"] = draw_rows(rng, UNSEEN_ROWS, unseen=True, taken=taken)
    return rows


def write_jsonl(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make(out: Path) -> bool:
    """Builds `out`; False when it was there already."""
    return whole_folder(out, _fill)


def _fill(draft: Path) -> None:
    from belay_gpu.examples import tiny_llama  # torch and transformers: only when there is something to train

    (draft / "data").mkdir()
    for name, rows in command_rows().items():
        write_jsonl(draft / "data" / f"{name}.jsonl", rows)

    def progress(step: int, loss: float) -> None:
        if step % 50 == 0 or step == 1:
            print(f"step {step}/{tiny_llama.STEPS} loss {loss:.3f}", flush=True)

    model, tokenizer = tiny_llama.pretrain(language.draw_sentence, language.vocabulary(), SEED, progress)
    tiny_llama.save(model, tokenizer, draft / "base")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the quick start's base model and data.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    out: Path = parser.parse_args().out.resolve()
    print(f"made {out}" if make(out) else f"{out} is already there", flush=True)


if __name__ == "__main__":
    main()
