"""Which errors of torch and its libraries mean that a batch was too large."""

MEMORY = (
    "ALLOC_FAILED",  # cuBLAS
    "ALLOCATION_FAILED",  # cuDNN
    "out of memory",
    "unable to find an engine",  # cuDNN, where none of its ways has the memory that it needs
    "Unable to find a valid cuDNN algorithm",
)
SIZE = (  # of kernels that count with 32 bits, or take 65,535 blocks at most
    "32BitIndexMath",
    "32-bit",
    "INT_MAX",
    "invalid configuration argument",
)


def lacks_memory(error: BaseException) -> bool:
    """Whether a forward ended because a GPU's memory ran out."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or _says(error, MEMORY)


def too_large(error: BaseException) -> bool:
    """Whether a forward ended because its batch was too large, for the memory or for a kernel."""
    return lacks_memory(error) or _says(error, SIZE)


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    """Whether a RuntimeError, which is all that torch gives, has one of these words in its text."""
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
