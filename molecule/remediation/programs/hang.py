"""Stop every thread of a process but its first, as calls that never return do, for as long as this program runs.

Run on the machine by its own Python: ``hang.py PROCESS``.
"""

import ctypes
import os
import sys
import time
from pathlib import Path

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def stop(process: int, thread: int) -> None:
    """Stop a thread amid a system call, where it does not hold the interpreter's lock, which the first one needs."""
    while True:
        _trace(SEIZE, thread)
        _trace(INTERRUPT, thread)
        os.waitpid(thread, WALL)
        if Path(f"/proc/{process}/task/{thread}/syscall").read_text(encoding="ascii").split()[0] != "-1":
            return
        _trace(DETACH, thread)
        time.sleep(0.01)


def _trace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, None, None) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    found = int(sys.argv[1])
    for each in Path(f"/proc/{found}/task").iterdir():
        if int(each.name) != found:
            stop(found, int(each.name))
    time.sleep(3600)
