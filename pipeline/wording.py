"""Numbers of things, in words."""

from collections.abc import Sized


def number_of(things: Sized | int, many: str) -> str:
    """`2,990 videos`, `1 video`, `1 query`; many: the word for several of them, which ends in s."""
    number = things if isinstance(things, int) else len(things)
    one = f"{many[:-3]}y" if many.endswith("ies") else many[:-1]
    return f"{number:,} {one if number == 1 else many}"
