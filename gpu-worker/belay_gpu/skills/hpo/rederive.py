"""Derives every proposal of a search again from its rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from belay_gpu.contracts import Proposal, SearchSpec
from belay_gpu.skills.hpo.dimensions import Space, same_value
from belay_gpu.skills.hpo.propose import propose
from belay_gpu.skills.hpo.record import TrialRow, tells_of


@dataclass(frozen=True)
class Rederived:
    """A trial's recorded row beside the proposal that its record leads to."""

    row: TrialRow
    proposal: Proposal | None

    @property
    def matches(self) -> bool:
        return (
            self.proposal is not None
            and self.proposal.model_based == self.row.model_based
            and self.proposal.params.keys() == self.row.params.keys()
            and all(same_value(value, self.row.params[key]) for key, value in self.proposal.params.items())
        )


def rederive(search: SearchSpec, space: Space, trials: Sequence[TrialRow]) -> list[Rederived]:
    """One entry per proposed trial, by number. Reruns of finalists were not proposed and are left out.

    Args:
        search: the experiment's search section.
        space: the search plan's space.
        trials: all rows of the run.
    """
    params = {row.trial: row.params for row in trials}
    derived: list[Rederived] = []
    for row in sorted(trials, key=lambda t: t.trial):
        if row.replicate_of is not None:
            continue
        pending = [params[trial] for trial in row.pending]
        tells = tells_of(trials, row.tell_count)
        derived.append(Rederived(row, propose(search, space, row.trial, tells, pending)))
    return derived
