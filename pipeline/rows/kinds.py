"""Tells the format of a file with features by its first bytes, and what a file without is and how to make one."""

import re
import zipfile
from pathlib import Path

from pipeline.errors import LaffError
from pipeline.rows.container import START

WANTED = (
    "features come as an .npz with ids [N] and values [N, D], a BigFile folder (feature.bin, id.txt, shape.txt), an "
    ".npy with NAME.ids.txt beside it, .h5, .parquet, or a .csv with the header video_path,feature_path"
)
PIPE = "not a regular file (a pipe, socket or device)"
SAVE = "np.savez('NAME.npz', ids=IDS, values=VALUES)"
LINE = 4096  # bytes of a file that are looked at
PICKLE = re.compile(rb"\x80[\x02-\x05]")
READ = {b"\x93NUMPY": "npy", b"\x89HDF\r\n\x1a\n": "h5", START: "h5", b"PAR1": "parquet", b"PK": "npz"}
STARTS = {
    b"MATLAB ": f"a MATLAB file: read it with scipy.io.loadmat and write ids and rows by {SAVE}",
    b"ARROW1": f"an Arrow file: read it with pyarrow and write ids and rows by {SAVE}",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself: `git lfs pull` fetches that",
}
RUNS = "whose reading can run code, so laff reads none: read it where you trust it and write ids and rows by"


def waits(path: Path) -> bool:
    """Whether `path` is neither file nor folder, such as a pipe: opening it may wait for ever."""
    return path.exists() and not path.is_file() and not path.is_dir()


def kind(path: Path) -> str:
    """The format of a file or folder with features: bigfile, csv, h5, npy, npz or parquet.

    LaffError says what `path` is where it is none of these, or missing.
    """
    if path.is_dir():
        return "bigfile"
    if waits(path):
        raise LaffError(f"{path}: is {PIPE}; {WANTED}")
    try:
        with path.open("rb") as file:
            head = file.read(LINE)
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror or error}") from error
    for start, format_ in READ.items():
        if head.startswith(start):
            return format_
    first = head.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".csv" or "feature_path" in first.strip().split(","):
        return "csv"
    raise LaffError(description(path))


def description(path: Path) -> str:
    """A sentence on what the file at `path` is, by its first bytes, and what to do; the file must exist."""
    with path.open("rb") as file:
        head = file.read(LINE)
    return f"{path}: it is {_kind(path, head)}; {WANTED}"


def _kind(path: Path, head: bytes) -> str:
    """What a file is that begins with `head`."""
    if not head:
        return "empty (0 bytes)"
    for start, what in STARTS.items():
        if head.startswith(start):
            return what
    if PICKLE.match(head):
        return f"a pickle, {RUNS} {SAVE}"
    if head.startswith(b"PK"):
        return _zip(path)
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return f"a safetensors file: read it with safetensors.numpy.load_file and write ids and rows by {SAVE}"
    try:
        text = head[:-4].decode("utf-8") if len(head) == LINE else head.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return "neither an .npz nor anything else that laff knows"
    return f"text: read it (with pandas, say) and write ids and rows by {SAVE}"


def _zip(path: Path) -> str:
    """What a zip archive without usable arrays is."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "a damaged archive: it was probably cut off while being written or downloaded"
    if any(name.endswith("data.pkl") for name in names):
        return f"a PyTorch file (torch.save), {RUNS} {SAVE}"
    return f"a zip archive without arrays of NumPy ({len(names)} files)"
