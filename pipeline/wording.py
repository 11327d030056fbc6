"""Numbers of things, in words."""

from collections.abc import Sized


def number_of(things: Sized | int, many: str, verb: str = "") -> str:
    """`2,990 videos`, `1 video`, `1 query`; with a verb `1 video is gone`, `2 videos are gone`.

    many: the word for several of them, which ends in s; verb: as several do it, such as `are` or `share a name`.
    """
    number = things if isinstance(things, int) else len(things)
    if number != 1:
        return f"{number:,} {many} {verb}".rstrip()
    one = f"{many[:-3]}y" if many.endswith("ies") else many[:-1]
    first, _, rest = verb.partition(" ")
    singular = {"are": "is", "have": "has", "": ""}.get(first, f"{first}s")
    return " ".join(filter(None, [f"1 {one}", singular, rest]))
