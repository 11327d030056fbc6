"""Files that were rewritten without any change of a result: their digest stands for that of the code before.

So what the earlier code made stays valid. A line holds for the file as it is: once the file changes, the line does
nothing, and goes or gets the new digest, where that makes the same results again.
"""

from typing import NamedTuple


class Rewritten(NamedTuple):
    """Digests of a file (`code.tree_digest`)."""

    now: str
    before: str  # what counts in fingerprints
    why: str


REWRITTEN = {
    "extractors/pixels.py": Rewritten("9be898541b3cd803", "79813ff98d7195eb", "works in place, with the same numbers"),
    "pipeline/extraction/batch_size.py": Rewritten(
        "8f9b8b6d52b62b9f", "a109c74281e63674", "asks elsewhere how much memory the machine has"
    ),
    "pipeline/extraction/decoding.py": Rewritten(
        "175728eda4ea62a9", "b50308b6376eca95", "asks elsewhere how many cores there are"
    ),
    "pipeline/rows/container.py": Rewritten(
        "fdfcffb6e5e88521",
        "d82db325dc1c9f22",
        "a file found whole is not hashed again; files are the same byte for byte",
    ),
    "pipeline/rows/shards.py": Rewritten(
        "12c9c5e156403cb0", "30c993d3828ecd7d", "hashes while it writes; shards are the same byte for byte"
    ),
    "pipeline/runfiles/opened.py": Rewritten(
        "50dc49ae5e9ea17f", "e0b41b14a95ed1c4", "packs in less time; what a run file holds is the same"
    ),
}


def counting(name: str, digest: str) -> str:
    """The digest that counts for a file of laff, named as seen from the project's root, that has this digest."""
    line = REWRITTEN.get(name)
    return line.before if line and digest == line.now else digest
