"""Cron expressions, checked before a service is asked to take one.

The language is that of https://en.wikipedia.org/wiki/Cron#Cron_expression, to which Vertex AI
refers: five fields of numbers, names, lists, ranges and steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Of the longest of each month, January first.
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """The numbers that a field's text means.

        Raises:
            ValueError: it means none.
        """
        return {number for item in text.split(",") for number in self._item(item)}

    def _item(self, text: str) -> Iterator[int]:
        match = _ITEM.fullmatch(text)
        if match is None or (match["first"] == "*" and match["last"]):
            raise ValueError(f"'{text}' is no {self.name}")
        step = int(match["step"] or 1)
        if not step:
            raise ValueError(f"'{text}' has a step of 0")
        first, last = self.lowest, self.highest
        if match["first"] != "*":
            first = self._number(match["first"])
            last = self._number(match["last"]) if match["last"] else first
            if match["step"] and not match["last"]:
                last = self.highest
        if first > last:
            raise ValueError(f"'{text}' ends before it begins")
        yield from range(first, last + 1, step)

    def _number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.lowest + self.names.index(text.lower())
        if not text.isdecimal() or not self.lowest <= int(text) <= self.highest:
            raise ValueError(f"'{text}' is no {self.name}: {self.lowest} to {self.highest}")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    # 7 is a Sunday, too.
    _Field("day of the week", 0, 7, _DAYS),
)


def check_cron(expression: str) -> None:
    """Refuse what is no cron expression, or never comes.

    Args:
        expression: of five fields, without a time zone.

    Raises:
        ValueError: says what is wrong with which field.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(f"expected five fields (minute hour day month weekday), got {len(texts)}")
    meant = [field.values(text) for field, text in zip(_FIELDS, texts, strict=True)]
    days, months = meant[2], meant[3]
    # With both days given, either of them is enough.
    any_weekday = texts[4].startswith("*")
    if any_weekday and all(min(days) > _LENGTHS[month - 1] for month in months):
        raise ValueError("no month that it names has such a day")
