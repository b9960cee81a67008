"""Whether a sampler's model gets its turn: trials proposed before enough have ended are random draws."""

from __future__ import annotations

from belay_gpu.contracts.models import SearchSpec

MODEL_FREE = ("random", "grid")


def startup_warnings(search: SearchSpec) -> list[str]:
    """One warning where no trial can be proposed by the sampler's model, if as many run at once as may.

    Args:
        search: with `n_startup_trials` filled in.
    """
    if search.sampler in MODEL_FREE or search.n_startup_trials is None:
        return []
    if reaches_model(search, search.max_concurrent_trials):
        return []
    remedy = "raise search.num_trials"
    fewer = next((n for n in range(search.max_concurrent_trials - 1, 0, -1) if reaches_model(search, n)), 0)
    if fewer > 0:
        remedy = f"lower search.max_concurrent_trials (to {fewer}), or {remedy}"
    elif search.num_trials > 1:
        remedy = f"lower search.n_startup_trials or search.wave_size, or {remedy}"
    return [
        f"all {search.num_trials} trials are random draws: the {search.sampler} sampler's model wants "
        f"{max(1, search.n_startup_trials)} to have ended, and by then no trial is left; {remedy}"
    ]


def reaches_model(search: SearchSpec, at_once: int) -> bool:
    """Whether a trial is proposed after enough have ended, where `at_once` are always under way."""
    together = search.wave_size or (at_once if search.deterministic else 1)
    together = together if search.deterministic else min(together, at_once)

    def told(first: int) -> int:
        """Trials that have ended when the wave that begins with this one is proposed: once it can start."""
        size = min(together, search.num_trials - first)
        return first if search.deterministic else max(0, first - (at_once - size))

    # The last wave may be short, and be proposed earlier for it.
    last = range(0, search.num_trials, together)[-2:]
    return any(told(first) >= max(1, search.n_startup_trials or 0) for first in last)
