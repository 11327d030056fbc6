"""YAML read strictly: a key twice is a mistake, 1e-4 is a number, and `on` is a word."""

import re
from collections.abc import Hashable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from pipeline import files
from pipeline.errors import LaffError, near_path


class Strict(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and reads floats and booleans as YAML 1.2 does."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build one mapping; a key that stands twice is an error with its line."""
        seen = set()
        for key_node, _ in node.value:
            merge = key_node.tag == "tag:yaml.org,2002:merge"  # <<: *other
            key = "<<" if merge else self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):  # SafeLoader itself refuses the others
                if key in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"'{key}' stands twice", key_node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


# PyYAML follows YAML 1.1, where 1e-4 (no dot, or no sign) is a string.
Strict.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)$"), list("-+.0123456789")
)
# There, on, off, yes, no, y and n are booleans too, and `on: gpu` would have the key True.
BOOL = "tag:yaml.org,2002:bool"
Strict.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOL or first in "tTfF"]
    for first, resolvers in Strict.yaml_implicit_resolvers.items()
}

FASTEST: type[Strict] = Strict
if yaml.__with_libyaml__:  # else PyYAML parses in Python, which takes some ten times as long

    class Quick(yaml.CSafeLoader, Strict):
        """Strict with libyaml's parser."""

    FASTEST = Quick
LOOSE = re.compile(r"[\t!\ufeff]|[|>]#")  # libyaml takes these in places where PyYAML refuses or reads them otherwise


DEEPEST = 100  # levels of nesting; nobody writes more
REPEATED = 100_000  # values that aliases may stand for beyond those that are written out
SHALLOW = 1000  # levels that neither parser minds: libyaml crashes somewhere above 10,000
PREFIX = re.compile(r"^[ ?:-]*", re.MULTILINE)  # of a line: indents, and collections begun in it


def parse(text: str, where: str) -> Any:
    """The value of a YAML text; LaffError with the line of the mistake."""
    try:
        _check_depth(text, where)
        _check_aliases(text, where)
        return _parse(text, where)
    except RecursionError:
        raise LaffError(f"{where}: is nested too deeply") from None


def _check_depth(text: str, where: str) -> None:
    """LaffError with the line where a text is nested too deeply to be parsed; texts of few brackets cannot be."""
    most = text.count("[") + text.count("{") + 2 * max(map(len, PREFIX.findall(text)))
    if most < SHALLOW:
        return
    depth = 0
    with suppress(yaml.YAMLError, UnicodeError):  # told by `_parse`
        for event in yaml.parse(text, Loader=FASTEST):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise LaffError(f"{where}:{line}: is nested too deeply (over {DEEPEST} levels)")


def _check_aliases(text: str, where: str) -> None:
    """LaffError where aliases (*name) stand for more values than anybody means: ten lists of ten of the one before."""
    if "&" not in text or "*" not in text:
        return
    sizes: dict[int, int] = {}  # id of a node -> values in it, those of its aliases as often as they stand there

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 2 * REPEATED  # should it hold itself
            inner = node.value if isinstance(node, yaml.CollectionNode) else []
            pairs = isinstance(node, yaml.MappingNode)
            sizes[id(node)] = 1 + sum(map(size, chain.from_iterable(inner) if pairs else inner))
        return sizes[id(node)]

    with suppress(yaml.YAMLError, UnicodeError):  # told by `_parse`
        root = yaml.compose(text, Loader=Strict if LOOSE.search(text) else FASTEST)
        if root and size(root) > REPEATED + len(sizes):
            raise LaffError(
                f"{where}: its aliases (*name) stand for over {REPEATED:,} values; write out what is meant, or less"
            )


def _parse(text: str, where: str) -> Any:
    if not LOOSE.search(text):
        with suppress(yaml.YAMLError, UnicodeError, RecursionError):  # PyYAML's own parser says better what is wrong
            return yaml.load(text, Loader=FASTEST)  # a SafeLoader, as Strict is
    try:
        return yaml.load(text, Loader=Strict)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{where}:{mark.line + 1}" if mark else where
        raise LaffError(f"{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from None


def load(path: Path) -> Any:
    """The value of a YAML file; LaffError where it is missing or not YAML."""
    try:
        text = files.text_of(path)
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror}{'' if path.exists() else near_path(path)}") from None
    except UnicodeDecodeError as error:
        raise LaffError(f"{path}: is not {error.encoding.upper()} text: {error.reason} at byte {error.start}") from None
    return parse(text, str(path))


def lines(path: Path, deepest: int = 5) -> dict[tuple[str, ...], int]:
    """{keys from the top: line} of the keys of a YAML file's mappings, to a depth; {} where it cannot be read.

    What an anchor (&name) or `<<` brings in from elsewhere has no line.
    """
    try:
        text = files.text_of(path)
        root = yaml.compose(text, Loader=Strict if LOOSE.search(text) else FASTEST)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    found: dict[tuple[str, ...], int] = {}
    waiting: list[tuple[tuple[str, ...], Any]] = [((), root)]
    while waiting:
        above, node = waiting.pop()
        if not isinstance(node, yaml.MappingNode) or len(above) == deepest:
            continue
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                found[*above, key.value] = key.start_mark.line + 1
                waiting.append(((*above, key.value), value))
    return found


def inline(value: Any) -> str:
    """A value as YAML on one line, as one would type it: `[1, 2]`."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.strip().removesuffix("...").strip()
