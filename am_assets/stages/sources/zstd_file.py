"""Compressed files that are read whole or not at all.

zstandard's own reader takes a file that ends inside a frame for one that ends there: a cut file
would be a shorter one, or an empty one.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

_CHUNK = 1 << 12
"""Compressed bytes unpacked at a time; what they unpack to must not fill the memory."""


class ZstdFile(io.RawIOBase):
    """The unpacked bytes of the zstd file `path`, to be wrapped in a BufferedReader.

    `single` refuses whatever follows the first frame. Reading raises zstandard.ZstdError where the
    file is not made of whole frames, at the latest where the last byte has been read.
    """

    def __init__(self, path: Path, single: bool = False) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._chunks = _unpacked(self._file, single)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """True: the file is open for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` as far as there is something; 0 at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _unpacked(file: BinaryIO, single: bool) -> Iterator[bytes]:
    frame, frames = None, 0
    while packed := file.read(_CHUNK):
        while packed:
            if frame is None:
                if single and frames:
                    raise zstandard.ZstdError("something follows its only frame")
                frame, frames = zstandard.ZstdDecompressor().decompressobj(), frames + 1
            yield frame.decompress(packed)
            if not frame.eof:
                break
            packed, frame = frame.unused_data, None
    if frame is not None or not frames:
        raise zstandard.ZstdError("it ends inside a compressed frame")
