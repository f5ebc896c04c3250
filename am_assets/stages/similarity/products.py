"""Exact products of integer codes, by the fastest unit that adds them without rounding."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

Multiply = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""left @ rightᵀ of int8 codes, at most a tile of them; valid until the next call."""


class Products:
    """Products of the rows of two code matrices, tile by tile into buffers that are used again.

    int8 units where the device has them, else float32: all sums stay below 2^24, which it holds
    exactly (so do bfloat16 and TF32 units where torch was told to use these for float32). Without
    VNNI, int8 products of x86 saturate half-way, so these CPUs take float32.
    """

    def __init__(self, device: torch.device, rows: int, columns: int) -> None:
        self._device = device
        self._size = rows * columns
        self._integers = int8_is_exact(device)
        self._spare: list[torch.Tensor] = []

    @contextmanager
    def buffer(self) -> Iterator[Multiply]:
        """A buffer for one thread, and the products into it."""
        kind = torch.int32 if self._integers else torch.float32
        try:
            buffer = self._spare.pop()
        except IndexError:
            buffer = torch.empty(self._size, dtype=kind, device=self._device)
        yield lambda left, right: self._multiply(left, right, buffer)
        self._spare.append(buffer)

    def _multiply(
        self, left: torch.Tensor, right: torch.Tensor, buffer: torch.Tensor
    ) -> torch.Tensor:
        out = buffer[: len(left) * len(right)].view(len(left), len(right))
        if not self._integers:
            return torch.mm(left.float(), right.float().T, out=out)
        if self._device.type == "cuda" and (len(left) <= 16 or len(right) % 8):
            return torch.mm(left.float(), right.float().T)
        # torch has no public product of int8 into int32.
        return torch._int_mm(left, right.T, out=out)  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]


def int8_is_exact(device: torch.device) -> bool:
    """Whether int8 products are fast and exact on `device`."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Nor a public name for this question.
    return device.type == "cpu" and torch.cpu._is_vnni_supported()  # pyright: ignore[reportPrivateUsage]
