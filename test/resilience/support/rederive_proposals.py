"""Derives the proposals of a run again from its rows: `python rederive_proposals.py RUN < settings.json`.

The settings are {search, space}; the rows are read from DATABASE_URL. Prints a list, an entry per proposed trial.
"""

import json
import os
import sys

from pydantic import BaseModel

from belay_gpu.contracts import SearchSpace, SearchSpec
from belay_gpu.skills.hpo.record import Record
from belay_gpu.skills.hpo.rederive import rederive


class Settings(BaseModel):
    search: SearchSpec
    space: SearchSpace


def main(run: str) -> None:
    settings = Settings.model_validate_json(sys.stdin.read())
    rows = Record(os.environ["DATABASE_URL"]).trials(run)
    entries = [
        {
            "trial": each.row.trial,
            "modelBased": each.row.model_based,
            "recorded": each.row.params,
            "derived": each.proposal and each.proposal.params,
            "matches": each.matches,
        }
        for each in rederive(settings.search, settings.space, rows)
    ]
    print(json.dumps(entries))


if __name__ == "__main__":
    main(sys.argv[1])
