"""Uses an adapter as its model card says: `python classify.py ADAPTER_FOLDER BASE_FOLDER CSV`.

Prints the share of rows whose intent the model names. Only PEFT and transformers are needed, nothing of ours.
"""

import csv
import re
import sys
from pathlib import Path

import torch


def main(adapter: Path, base: Path, rows: Path) -> None:
    card = (adapter / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert found, "the card has no lines that load the adapter"
    names: dict[str, object] = {}
    # A card of a local base cannot know where its reader has that base.
    lines = found[1].replace("path/to/this/folder", str(adapter)).replace("path/to/the/base/model", str(base))
    exec(lines, names)
    model, tokenizer = names["model"].eval(), names["tokenizer"]

    with rows.open(newline="") as file:
        questions = list(csv.DictReader(file))
    intents = sorted({row["intent"] for row in questions})
    batch = tokenizer([row["text"] for row in questions], padding=True, return_tensors="pt")
    with torch.inference_mode():
        answers = model(**batch).logits.argmax(-1).tolist()
    right = sum(intents[answer] == row["intent"] for answer, row in zip(answers, questions, strict=True))
    print(right / len(questions))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
