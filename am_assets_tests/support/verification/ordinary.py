"""Becoming an ordinary user, to test that nothing needs root."""

import ctypes
import os

from am_assets.engines.sandbox.environment import private

_NOBODY = 65534
_KEEPCAPS, _AMBIENT, _RAISE, _DAC_READ_SEARCH = 8, 47, 2, 2


def give_up_root() -> None:
    """Become nobody, who may walk where the interpreter lies if only root could."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    keeps = private()
    if keeps:
        libc.prctl(_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    if keeps:
        right = 1 << _DAC_READ_SEARCH
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        data = (ctypes.c_uint32 * 6)(right, right, right, 0, 0, 0)
        if libc.capset(header, data) or libc.prctl(_AMBIENT, _RAISE, _DAC_READ_SEARCH, 0, 0):
            raise OSError(ctypes.get_errno(), "cannot keep the right to reach the interpreter")
