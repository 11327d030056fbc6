"""A pickle of plain values, such as MSVD's raw-captions.pkl: texts, numbers, lists, dicts; never a class or function.

A pickle is a program. What makes it dangerous is that it can name anything that is installed and call it; here any such
name is refused before it is looked up.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

from pipeline.errors import Problems


class _Refused(pickle.UnpicklingError):
    """Something in a pickle that is no plain value."""


class _Plain(pickle.Unpickler):
    """Reads plain values only."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every name."""
        raise _Refused(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """Refuse objects that are kept elsewhere."""
        raise _Refused("it refers to something outside of the file")


def _refuse_bytearrays(content: bytes) -> None:
    """Refuse what is no plain value either; Python writes to stderr where one claims more bytes than memory has."""
    if b"\x96" in content and any(code.name == "BYTEARRAY8" for code, _, _ in pickletools.genops(content)):
        raise _Refused("it holds a bytearray")


def plain(path: Path, problems: Problems) -> Any:
    """The values in a pickle of Python 3 or 2; None, and a problem, where it is damaged or holds more than values."""
    for encoding in ("utf-8", "latin-1"):  # of the texts of Python 2, which are bytes
        try:
            content = path.read_bytes()
            _refuse_bytearrays(content)
            return _Plain(io.BytesIO(content), encoding=encoding).load()
        except UnicodeDecodeError:
            continue
        except _Refused as error:
            problems.add(
                f"is not read: {error}; plain texts, lists and dicts alone are, since anything else could run code",
                path,
            )
        except OSError as error:
            problems.add(f"cannot be read: {error.strerror}", path)
        except Exception:  # a damaged pickle can end in any of them
            problems.add("is no whole pickle; fetch it again", path)
        return None
    return None
