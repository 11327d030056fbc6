"""Tells what a file is that holds no features which laff reads, and how to make one that does."""

import re
import zipfile
from pathlib import Path

WANTED = (
    "features come as an .npz with ids [N] and values [N, D], or as a BigFile folder (feature.bin, id.txt, shape.txt)"
)
PIPE = "not a regular file (a pipe, socket or device)"
SAVE = "np.savez('NAME.npz', ids=IDS, values=VALUES)"
PICKLE = re.compile(rb"\x80[\x02-\x05]")
STARTS = {
    b"\x93NUMPY": f"a single array (.npy), which has no ids: put both into one file by {SAVE}",
    b"\x89HDF\r\n\x1a\n": f"an HDF5 file: read it with h5py and write ids and rows by {SAVE}",
    b"MATLAB ": f"a MATLAB file: read it with scipy.io.loadmat and write ids and rows by {SAVE}",
    b"PAR1": f"a Parquet file: read it with pandas and write ids and rows by {SAVE}",
    b"ARROW1": f"an Arrow file: read it with pyarrow and write ids and rows by {SAVE}",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself: `git lfs pull` fetches that",
}
RUNS = "whose reading can run code, so laff reads none: read it where you trust it and write ids and rows by"


def waits(path: Path) -> bool:
    """Whether `path` is neither file nor folder, such as a pipe: opening it may wait for ever."""
    return path.exists() and not path.is_file() and not path.is_dir()


def description(path: Path) -> str:
    """A sentence on what the file at `path` is, by its first bytes, and what to do; the file must exist."""
    with path.open("rb") as file:
        head = file.read(4096)
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
        text = head[:-4].decode("utf-8") if len(head) == 4096 else head.decode("utf-8")
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
