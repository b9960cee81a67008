"""hpo.ask: parameters of some trials, from the record of the trials told so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from belay_gpu.contracts import AskInput, AskOutput, Proposal, Tell
from belay_gpu.skills.failures import SkillError
from belay_gpu.skills.hpo.propose import USES_TELLS, propose
from belay_gpu.skills.hpo.record import Record


def ask(request: AskInput, record: Record) -> AskOutput:
    """The same request gets the same answer, whenever and by whichever process it is answered.

    Raises:
        SkillError: InvalidSpec where sampler and space do not suit each other; StorageUnavailable.
    """
    tells: list[Tell] = []
    known: Mapping[int, Mapping[str, Any]] = {}
    if request.search.sampler in USES_TELLS:
        tells = record.tells(request.run, request.tell_count)
        known = _params(record, request.run, request.pending)
    pending = [known[trial] for trial in request.pending if trial in known]
    proposals: list[Proposal] = []
    for trial in request.trials:
        try:
            proposal = propose(request.search, request.space, trial, tells, pending)
        except ValueError as error:
            raise SkillError("InvalidSpec", f"search.space: {error}") from error
        if proposal is None:
            return AskOutput(proposals=proposals, exhausted=True)
        proposals.append(proposal)
        pending.append(proposal.params)
    return AskOutput(proposals=proposals, exhausted=False)


def _params(record: Record, run: str, trials: list[int]) -> Mapping[int, Mapping[str, Any]]:
    if not trials:
        return {}
    known = {row.trial: row.params for row in record.trials(run, trials)}
    missing = sorted(set(trials) - set(known))
    if missing:
        raise SkillError("Internal", f"run {run}: no row for the pending trials {missing}")
    return known
