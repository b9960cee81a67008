"""The date in a chat template. Rows must be the same on every day that they are rendered, so it is fixed."""

from __future__ import annotations

from datetime import datetime

TODAY = datetime(2024, 7, 26)
"""The day that Llama's templates fall back to where there is no clock."""

CLOCK = "strftime_now"

# A template is handed no functions, so transformers' own clock can only be hidden, by a macro of its name.
_STOPPED = (
    f"{{% macro {CLOCK}(format) %}}{{{{ format"
    + "".join(
        f" | replace({code!r}, {TODAY.strftime(code)!r})"
        for code in (f"%{flag}{letter}" for flag in ("", "-") for letter in "aAbBdHIjmMpSwyY")
    )
    + " }}{% endmacro %}\n"
)


def asks_for_the_date(jinja: str) -> bool:
    """Whether what the template makes of a row depends on the day."""
    return CLOCK in jinja


def with_stopped_clock(jinja: str) -> str:
    """The template, for which it is always the same day; any other is left as it is."""
    return _STOPPED + jinja if asks_for_the_date(jinja) else jinja
