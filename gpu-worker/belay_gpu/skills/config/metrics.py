"""The metrics that an experiment asks for against the rows that it has."""

from __future__ import annotations

from belay_gpu.contracts import BuildSearchSpaceInput
from belay_gpu.engine.metrics import GENERATED
from belay_gpu.skills.failures import SkillError


def check_metrics(request: BuildSearchSpaceInput) -> None:
    """Whether every metric can be computed. One that scores no row would be missed only after all training.

    Raises:
        SkillError: InvalidSpec for a metric of generated answers where no row has a prompt.
    """
    if request.task != "causal_lm" or request.dataset.format != "text":
        return
    wanted = {
        "search.metric": [request.search.metric],
        "eval.metrics": request.eval.metrics or [],
        "eval.report_metric": [request.eval.report_metric],
    }
    places = [key for key, names in wanted.items() if any(name in GENERATED for name in names)]
    if not places:
        return
    asked = {name for names in wanted.values() for name in names}
    generated = " and ".join(name for name in GENERATED if name in asked)
    raise SkillError(
        "InvalidSpec",
        f"{', '.join(places)}: {generated} cannot be computed: rows of the format text, as are rows whose "
        "prompts are all empty, have no prompt to answer; use metrics such as eval_loss or token_accuracy, "
        "or rows with prompts (prompt_completion, alpaca, messages or sharegpt)",
    )
