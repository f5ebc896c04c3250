"""Run the command line as on a kernel without Landlock: its system calls do not exist.

Takes the arguments of `am-assets`. A seccomp filter answers the three Landlock calls with ENOSYS,
which is what such a kernel does, and the real command then runs.
"""

import ctypes
import errno
import struct

from am_assets.cli import main

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_FIRST, _LAST = 444, 446
"""landlock_create_ruleset to landlock_restrict_self, the same on x86-64 and aarch64."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def forget_landlock() -> None:
    """Bind this process and its children to the filter."""
    code = b"".join(
        struct.pack("=HBBI", *operation)
        for operation in (
            (0x20, 0, 0, 0),  # load the system call's number
            (0x35, 0, 2, _FIRST),  # below the first: allow
            (0x25, 1, 0, _LAST),  # above the last: allow
            (0x06, 0, 0, 0x50000 | errno.ENOSYS),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


if __name__ == "__main__":
    forget_landlock()
    main()
