"""Base classes of the generated contract models."""

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


def _wire_name(field: str) -> str:
    return to_camel(field).replace("Gib", "GiB")


class Wire(BaseModel):
    """An envelope: snake_case in Python, camelCase on the wire.

    Unknown keys are dropped, as zod drops them, so that a newer sender may add one. Numbers are never read
    from strings, and neither NaN nor infinity passes: a diverged trial is a status.
    """

    model_config = ConfigDict(
        alias_generator=_wire_name,
        populate_by_name=True,
        serialize_by_alias=True,
        strict=True,
        allow_inf_nan=False,
        extra="ignore",
        protected_namespaces=(),
    )


class Spec(BaseModel):
    """A section of an experiment file: keys stay as the user writes them, and unknown ones are refused."""

    model_config = ConfigDict(
        serialize_by_alias=True,
        populate_by_name=True,
        strict=True,
        allow_inf_nan=False,
        extra="forbid",
        protected_namespaces=(),
    )


class OrderedBounds(Spec):
    """A range whose lower bound is below its upper one."""

    @model_validator(mode="after")
    def _is_ordered(self) -> "OrderedBounds":
        lower, upper = self._bounds()
        if not lower < upper:
            raise ValueError("the lower bound must be below the upper bound")
        return self

    def _bounds(self) -> tuple[float, float]:
        (bounds,) = self.__dict__.values()
        return bounds


class PositiveBounds(OrderedBounds):
    """A range on a logarithmic scale."""

    @model_validator(mode="after")
    def _is_positive(self) -> "PositiveBounds":
        if not self._bounds()[0] > 0:
            raise ValueError("a logarithmic range needs positive bounds")
        return self
