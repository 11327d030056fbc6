"""What torch, cuBLAS and cuDNN say when a batch was too large, and what they say of something else."""

import pytest
import torch

from pipeline.devices.limits import lacks_memory, too_large

MEMORY = [  # as they were seen
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
]
SIZE = [
    RuntimeError("Expected canUse32BitIndexMath(input) && canUse32BitIndexMath(output) to be true, but got false."),
    RuntimeError("upsample_nearest_nhwc only supports output tensors with less than INT_MAX elements"),
    RuntimeError("CUDA error: invalid configuration argument"),
]
OTHERS = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    ValueError("out of memory"),
]


@pytest.mark.parametrize("error", [*MEMORY, *SIZE, *OTHERS], ids=str)
def test_limits_are_known_by_their_words(error: Exception) -> None:
    assert lacks_memory(error) == (error in MEMORY)
    assert too_large(error) == (error in [*MEMORY, *SIZE])
