"""Random generators whose state depends on names only, so that draws never depend on order."""

import hashlib
import random


def seeded(*parts: str | int) -> random.Random:
    """A generator seeded by a hash over `parts`."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
