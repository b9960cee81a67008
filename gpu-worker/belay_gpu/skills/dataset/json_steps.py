"""A JSON document of many rows, decoded row by row.

Decoding lets no other thread run until it is done, and a whole file can take it longer than heartbeats may.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from json import JSONDecodeError, JSONDecoder
from typing import Any

_after_space = re.compile(r"[ \t\n\r]*").match


def decode_in_steps(text: str, parse_constant: Callable[[str], Any]) -> Any:
    """What `json.loads` makes of it. Entries of a list, and of lists in an object, are decoded one at a time.

    Raises:
        JSONDecodeError: as from `json.loads`.
    """
    walk = _Walk(text, JSONDecoder(parse_constant=parse_constant))
    start = walk.skip(0)
    content, end = walk.members(start) if text[start : start + 1] == "{" else walk.value(start)
    if end != len(text):
        raise JSONDecodeError("Extra data", text, end)
    return content


class _Walk:
    """Reads values from places of a text. Each answer ends with the place behind what was read and blanks."""

    def __init__(self, text: str, decoder: JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder

    def skip(self, at: int) -> int:
        found = _after_space(self._text, at)
        assert found is not None
        return found.end()

    def value(self, at: int) -> tuple[Any, int]:
        return self._entries(at) if self._text[at : at + 1] == "[" else self._whole(at)

    def members(self, at: int) -> tuple[dict[str, Any], int]:
        content: dict[str, Any] = {}
        at = self.skip(at + 1)
        if self._text[at : at + 1] == "}":
            return content, self.skip(at + 1)
        while True:
            if self._text[at : at + 1] != '"':
                raise JSONDecodeError("Expecting property name enclosed in double quotes", self._text, at)
            name, at = self._whole(at)
            if self._text[at : at + 1] != ":":
                raise JSONDecodeError("Expecting ':' delimiter", self._text, at)
            content[name], at = self.value(self.skip(at + 1))
            at, is_last = self._behind(at, "}")
            if is_last:
                return content, at

    def _entries(self, at: int) -> tuple[list[Any], int]:
        content: list[Any] = []
        at = self.skip(at + 1)
        if self._text[at : at + 1] == "]":
            return content, self.skip(at + 1)
        while True:
            entry, at = self._whole(at)
            content.append(entry)
            at, is_last = self._behind(at, "]")
            if is_last:
                return content, at

    def _whole(self, at: int) -> tuple[Any, int]:
        content, at = self._decoder.raw_decode(self._text, at)
        return content, self.skip(at)

    def _behind(self, at: int, end: str) -> tuple[int, bool]:
        """The place behind a comma or the end, and whether it was the end."""
        sign = self._text[at : at + 1]
        if sign not in (",", end):
            raise JSONDecodeError("Expecting ',' delimiter", self._text, at)
        return self.skip(at + 1), sign == end
