"""Ids of videos and queries: which text may be one, and how formats that delimit by white space or `#` hold it.

An id is text that can be printed, in Unicode's form NFC, without white space around it. What would end it in a format
is percent-encoded there, as in a URL, and decoded when it is read:

    id lists, query files, TREC runs, id.txt of a BigFile     white space and %
    `VIDEO#n text` captions                                   white space, % and #

CSV, JSON and HDF5 hold ids as they are.
"""

import re
import unicodedata
from urllib.parse import unquote

# The ids that most collections have. All formats hold them as they are: `decoded` gives the same text, and none is
# `wrong`.
PLAIN = re.compile(r"[A-Za-z0-9_@+=,~-][A-Za-z0-9_@+=,~.-]*")
SPECIAL = re.compile(r"[%\s]")
SPECIAL_BEFORE_HASH = re.compile(r"[%\s#]")
REFUSED = {"Cc": "control character", "Cs": "half of a character", "Zl": "line break", "Zp": "line break"}


def clean(text: str) -> str:
    """The id that text of a file or a file's name stands for: in NFC, without white space around it."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def wrong(id_: str) -> str:
    """Why a text can be no id, or ''. It may have `/`, but not lead out of a folder."""
    if not id_:
        return "an empty id"
    if not id_.isprintable():
        for letter in id_:
            if kind := REFUSED.get(unicodedata.category(letter)):
                return f"id {id_!r} has the {kind} {letter!r}; a table `video,path` can give the file another id"
    if "/" in id_ and {"", ".", ".."}.intersection(id_.split("/")):
        return f"id {id_!r} should be like a path below the videos' folder, without '.', '..' or '//'"
    return f"id {id_!r} is no name" if id_ in (".", "..") else ""


def encoded(id_: str) -> str:
    """An id for a format that delimits by white space."""
    return SPECIAL.sub(_escape, id_) if SPECIAL.search(id_) else id_


def encoded_before_hash(id_: str) -> str:
    """A video's id for lines `VIDEO#n text`."""
    return SPECIAL_BEFORE_HASH.sub(_escape, id_)


def decoded(text: str) -> str:
    """The id that one of these formats holds; escapes that are no UTF-8, which nobody meant, stay as they are."""
    try:
        return clean(unquote(text, errors="strict")) if "%" in text else clean(text)
    except UnicodeDecodeError:
        return clean(text)


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())
