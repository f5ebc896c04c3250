"""Exact products of integer codes, by the fastest unit that adds them without rounding."""

import torch


class Products:
    """All products of rows of two code matrices, tile by tile into one buffer.

    int8 units where the device has them, else float32: all sums stay below 2^24, which it holds
    exactly (so do bfloat16 and TF32 units where torch was told to use these for float32). Without
    VNNI, int8 products of x86 saturate half-way, so these CPUs take float32.
    """

    def __init__(self, device: torch.device, rows: int, columns: int) -> None:
        self.integers = int8_is_exact(device)
        kind = torch.int32 if self.integers else torch.float32
        self._buffer = torch.empty(rows * columns, dtype=kind, device=device)

    def __call__(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """left @ rightᵀ of int8 codes; valid until the next call."""
        out = self._buffer[: len(left) * len(right)].view(len(left), len(right))
        if self.integers:
            return torch._int_mm(left, right.T, out=out)  # pyright: ignore[reportPrivateImportUsage]
        return torch.mm(left.float(), right.float().T, out=out)


def int8_is_exact(device: torch.device) -> bool:
    """Whether int8 products are fast and exact on `device`."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and torch.cpu._is_vnni_supported()
