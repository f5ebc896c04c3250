"""Programs that cheat or attack, what each attempts, and how it is to be judged.

The task is to square 7. An attack prints, or returns, the right answer only where it got through,
so that a pass is an escape. `{port}`, `{secret}`, `{victim}` and `{mark}` are filled in by the
driver: a port that listens, a file to be read, a process to be hurt, a path to be created.
"""

from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["stdin", "function", "asserts"]

TESTS: dict[Form, dict[str, Any]] = {
    "stdin": {"type": "stdin_stdout", "inputs": ["7\n"], "outputs": ["49\n"]},
    "function": {"type": "function", "fn_name": "solve", "inputs": [[7]], "outputs": [49]},
    "asserts": {"type": "asserts", "tests": ["assert solve(7) == 49"]},
}


@dataclass(frozen=True)
class Hostile:
    """One program; `reason` is None where any reason of a failure will do."""

    attempts: str
    source: str
    form: Form = "stdin"
    reason: str | None = "wrong_answer"
    language: str = "python"


_ATTACK = """\
import ctypes, gc, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return result
def attempt():
{body}
try:
    got_through = attempt() is not False
except BaseException:
    got_through = False
print(49 if got_through else 'contained')
"""


def _attack(attempts: str, body: str, reason: str | None = "wrong_answer") -> Hostile:
    indented = "\n".join("    " + line for line in body.splitlines())
    return Hostile(attempts, _ATTACK.replace("{body}", indented), reason=reason)


_ANY = """\
class Any({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
def solve(x): return Any()
"""

_FILES = [
    _attack("reading the password file", "open('/etc/passwd').read()"),
    _attack("reading a readable file of the host", "open({secret!r}).read()"),
    _attack("listing the root", "os.listdir('/')"),
    _attack("listing the home folders", "os.listdir('/home') or os.listdir('/root')"),
    _attack("reading its parent's environment", "open(f'/proc/{os.getppid()}/environ').read(1)"),
    _attack("reading its parent's memory", "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)"),
    _attack("reading its own maps", "open('/proc/self/maps').read(1)"),
    _attack("reading the kernel's log of mounts", "open('/proc/mounts').read(1)"),
    _attack("finding a secret in the environment", "return 'SECRET' in str(os.environ)"),
    _attack("finding a secret in the initial environment", """\
libc.getenv.restype = ctypes.c_char_p
return libc.getenv(b'AM_ASSETS_HOSTILE_SECRET') is not None"""),
    _attack("creating a file", "open({mark!r}, 'w').write('x')"),
    _attack("creating a folder", "os.mkdir({mark!r})"),
    _attack("creating a symbolic link", "os.symlink('/etc/passwd', {mark!r})"),
    _attack("creating a hard link", "os.link({secret!r}, {mark!r})"),
    _attack("creating a named pipe", "os.mkfifo({mark!r})"),
    _attack("reading through a symbolic link", """\
os.symlink({secret!r}, {mark!r})
open({mark!r}).read()"""),
    _attack("deleting a file", "os.remove({secret!r})"),
    _attack("changing a file's permissions", "os.chmod({secret!r}, 0o777)"),
    _attack("renaming a file", "os.rename({secret!r}, {mark!r})"),
    _attack("truncating a file", "os.truncate({secret!r}, 0)"),
    _attack("filling the disk", """\
for i in range(10**6):
    with open({mark!r} + str(i), 'wb') as file: file.write(bytes(1 << 20))"""),
    _attack("filling the inodes", """\
for i in range(10**6): os.close(os.open({mark!r} + str(i), os.O_CREAT | os.O_WRONLY))"""),
    _attack("filling shared memory", "open('/dev/shm/am-assets-hostile', 'wb').write(b'x')"),
    _attack("an unnamed file on disk", "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)"),
    _attack("mounting", "call(165, b'none', b'/tmp', b'tmpfs', 0, None)"),
    _attack("a new root", "os.chroot('/tmp')"),
    _attack("changing what is checked before use", """\
def flip():
    while True:
        for target in ('/dev/null', {secret!r}):
            try: os.unlink({mark!r})
            except OSError: pass
            os.symlink(target, {mark!r})
threading.Thread(target=flip, daemon=True).start()
for _ in range(1000):
    if open({mark!r}).read(): return True"""),
    _attack("opening its input for writing", """\
fd = os.open('/proc/self/fd/0', os.O_RDWR)
os.write(fd, b'x' * 10)"""),
    _attack("growing its input", "os.ftruncate(0, 1 << 30)"),
    _attack("handles instead of names", "call(304, -100, ctypes.create_string_buffer(64), 0)"),
    _attack("asynchronous reads of files", "call(425, 8, ctypes.create_string_buffer(256))"),
]  # fmt: skip

_PROCESSES = [
    _attack("forking", "os.fork() or time.sleep(60)"),
    _attack("a fork bomb", "while True: os.fork()"),
    _attack("a fork bomb by vfork and clone", """\
new = ctypes.create_string_buffer(88)
for number, args in ((58, ()), (56, (17, 0, 0, 0, 0)), (435, (new, 88))):
    try:
        call(number, *args)
        return True
    except OSError: pass
return False"""),
    _attack("a surviving daemon", """\
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)"""),
    _attack("starting a shell", "os.execv('/bin/sh', ['sh', '-c', 'id'])"),
    _attack("a subprocess", "import subprocess; subprocess.run(['id'], check=True)"),
    _attack("multiprocessing", """\
import multiprocessing
multiprocessing.get_context('fork').Process(target=print).start()"""),
    _attack("executing its own input", "call(322, 0, b'', None, None, 0x1000)"),
    _attack("killing its parent", "os.kill(os.getppid(), 9)"),
    _attack("killing the project", "os.kill({victim}, 9)"),
    _attack("killing everything", "os.kill(-1, 9)"),
    _attack("killing its group", "os.killpg(0, 9)"),
    _attack("stopping its parent", "os.kill(os.getppid(), signal.SIGSTOP)"),
    _attack("queueing a signal for its parent", "call(129, os.getppid(), 9, bytes(128))"),
    _attack("a signal by its parent's handle", """\
fd = call(434, os.getppid(), 0)
call(424, fd, 9, None, 0)"""),
    _attack("signals to others on its input", """\
import fcntl
fcntl.fcntl(0, fcntl.F_SETOWN, {victim})
fcntl.fcntl(0, fcntl.F_SETSIG, 9)"""),
    _attack("tracing its parent", "call(101, 16, os.getppid(), 0, 0)"),
    _attack("writing into its parent", "call(311, os.getppid(), None, 0, None, 0, 0)"),
    _attack("outliving its parent", "call(157, 1, 0, 0, 0, 0)"),
    _attack("its parent's limits", "call(302, os.getppid(), 7, None, bytes(16))"),
    _attack("its parent's priority", "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)"),
    _attack("becoming root", "os.setuid(0)"),
    _attack("becoming another user", "os.setresuid({uid}, {uid}, {uid})"),
    _attack("new namespaces", "call(272, 0x10000000)"),
    _attack("a filter of its own", "call(317, 1, 0, None)"),
    _attack("kernel programs", "call(321, 0, None, 0)"),
    _attack("kernel keys", "call(248, b'user', b'x', b'x', 1, -3)"),
    _attack("the 32-bit system calls", """\
code = ctypes.create_string_buffer(64)
import mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex('b814000000cd80c3'))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CFUNCTYPE(ctypes.c_int)(address)()""", "killed"),
    _attack("the x32 system calls", "call(0x40000000 + 39)", "killed"),
    _attack("an endless number of threads", """\
while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()""", None),
    Hostile("a thread that never ends", """\
import threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
print(49)""", reason="timeout"),
]  # fmt: skip

_NETWORK = [
    _attack("a connection", "socket.create_connection(('127.0.0.1', {port}), 2)"),
    _attack("a datagram", """\
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"""),
    _attack("a Unix socket", "socket.socket(socket.AF_UNIX).connect('\\0am-assets-hostile')"),
    _attack("a raw socket", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    _attack("a kernel socket", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    _attack("looking a name up", "socket.getaddrinfo('localhost.localdomain', 80)[0] and "
            "socket.socket()"),
    _attack("a datagram through a pair of sockets", """\
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"""),
    _attack("a message with a descriptor", """\
one, other = socket.socketpair()
socket.send_fds(one, [b'x'], [0])"""),
]  # fmt: skip

_RESOURCES = [
    Hostile("a memory bomb", "x = []\nwhile True: x.append(bytearray(1 << 26))", reason="memory"),
    Hostile(
        "a memory bomb that catches",
        """\
x = []
while True:
    try: x.append(bytearray(1 << 16))
    except MemoryError: pass""",
        reason="timeout",
    ),
    _attack("a file in memory", "os.memfd_create('x')"),
    _attack("shared memory past the limit", """\
import mmap
held = [mmap.mmap(-1, 1 << 26) for _ in range(64)]
for page in held: page.write(b'x' * (1 << 26))"""),
    _attack("System V shared memory", "call(29, 0, 1 << 30, 0o1777)"),
    _attack("memory locked", "call(151, 1)"),
    _attack("large pipes", """\
import fcntl
held = [os.pipe() for _ in range(20)]
for reading, writing in held: fcntl.fcntl(writing, 1031, 1 << 20)"""),
    _attack("endless pipes", "held = [os.pipe() for _ in range(10000)]"),
    _attack("endless pairs of sockets", "held = [socket.socketpair() for _ in range(10000)]"),
    _attack("a higher limit", "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
    _attack("an endless processor time", "import resource; "
            "resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))"),
    Hostile("an output flood", "while True: print('x' * 10000)", reason="output_limit"),
    Hostile("an output flood to standard error",
            "import sys\nwhile True: print('x' * 10000, file=sys.stderr)", reason="timeout"),
    Hostile("a flood of the report", "import os\nwhile True: os.write(3, b'x' * 65536)",
            reason="output_limit"),
    Hostile("an endless loop that ignores signals", """\
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass""", reason="timeout"),
    Hostile("an endless sleep", "import time\nwhile True: time.sleep(60)", reason="timeout"),
    Hostile("an endless recursion", "def f(): return f()\nf()", reason="exception"),
    Hostile("an endless native recursion", """\
import sys
sys.setrecursionlimit(10**9)
def f(): return [f() for _ in (1,)]
f()""", reason=None),
    Hostile("an endless compilation", "eval('(' * 10000 + ')' * 10000)", reason=None),
    Hostile("stopping itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint(49)",
            reason="timeout"),
    Hostile("crashing the interpreter", "import ctypes\nctypes.string_at(0)", reason="killed"),
    Hostile("a bomb of integers", "x = 9 ** 9 ** 9\nprint(49)", reason="timeout"),
    Hostile("a value that never ends", """\
import itertools
def solve(x): return itertools.count()""", "function", None),
    Hostile("a value too deep", """\
def solve(x):
    for _ in range(10**5): x = [x]
    return x""", "function", None),
    Hostile("a value too large", "def solve(x): return [0] * 10**7", "function", None),
]  # fmt: skip

_SPOOFS = [
    Hostile("exit code 0 and nothing else", "import os\nos._exit(0)"),
    Hostile("exit code 0 before the tests", "import os\nos._exit(0)", "function", "exception"),
    Hostile("exit before the asserts", "raise SystemExit(0)", "asserts", None),
    Hostile("the right answer and a failing exit", "print(49)\nraise SystemExit(3)",
            reason="exception"),
    Hostile("the right answer and a crash", "print(49, flush=True)\nimport os\nos.abort()",
            reason="killed"),
    Hostile("a printed verdict",
            "print('PASSED')\nprint('{\"status\": \"pass\", \"score\": 1.0}')"),
    Hostile("a printed verdict of a test runner",
            "print('ok 1')\nprint('Ran 1 test in 0.001s')\nprint('OK')", "function", None),
    Hostile("a prefix", "print(4)"),
    Hostile("many answers at once", "for n in range(100): print(n)"),
    Hostile("echoing its input", "print(input())"),
    Hostile("a forged report", """\
import os
os.write(3, b'{"values": [true], "status": "pass"}')
os._exit(0)""", "function", None),
    Hostile("a report that is no JSON", "import os\nos.write(3, b'{{{{')\nos._exit(0)", "function",
            "exception"),
    Hostile("a report of a failure of ours", """\
import os
os.write(3, b'{"setup_failed": "no sandbox"}')
os._exit(1)""", "function", "exception"),
    Hostile("a report nested beyond reason", "import os\nos.write(3, b'[' * 10**5)\nos._exit(0)",
            "function", None),
    Hostile("a failure of ours by SIGKILL", "import os\nos.kill(os.getpid(), 9)",
            reason="exception"),
    Hostile("closing every descriptor", "import os\nos.closerange(0, 64)\nprint(49)", reason=None),
    Hostile("a value equal to everything", _ANY.replace("{base}", "object"), "function"),
    Hostile("a number equal to everything", _ANY.replace("{base}", "int"), "function"),
    Hostile("text equal to everything", _ANY.replace("{base}", "str"), "function"),
    Hostile("a value equal to everything, asserted", _ANY.replace("{base}", "object"), "asserts",
            None),
    Hostile("a number equal to everything, asserted", _ANY.replace("{base}", "int"), "asserts",
            None),
    Hostile("a patched comparator", """\
import builtins, json, operator
operator.eq = lambda a, b: True
json.dumps = lambda *a, **k: '{"values": [true]}'
builtins.all = builtins.any = lambda *a: True
builtins.len = lambda x: 1
def solve(x): return None""", "function", None),
    Hostile("a patched encoder", """\
import sys
for name, module in list(sys.modules.items()):
    if name.startswith('am_assets'):
        for key in list(vars(module)):
            if callable(getattr(module, key)) and not key.startswith('__'):
                setattr(module, key, lambda *a, **k: True)
def solve(x): return None""", "function", None),
    Hostile("walking the frames to the answer", """\
import gc, sys
def solve(x):
    found, frame = [], sys._getframe()
    while frame:
        found.append({**frame.f_locals, **frame.f_globals})
        frame = frame.f_back
    text = repr(found) + repr([o for o in gc.get_objects() if isinstance(o, (dict, list))])
    return 49 if chr(91) + chr(52) + chr(57) + chr(93) in text else None""", "function", None),
    Hostile("searching its memory for the answer", """\
import ctypes, gc
def solve(x):
    wanted = chr(52) + chr(57)
    for thing in gc.get_objects():
        if isinstance(thing, dict) and thing.get('outputs') or thing == [int(wanted)]:
            return int(wanted)""", "function", None),
    Hostile("an alarm while it is judged", """\
import os, signal
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.01)
def solve(x):
    while True: pass""", "function", "exception"),
    Hostile("an exit hook that answers for it", """\
import atexit, os
atexit.register(lambda: (os.write(1, b'PASS'), os._exit(0)))
def solve(x): return 1""", "function", None),
    Hostile("an exception that cannot be printed", """\
class E(BaseException):
    def __str__(self): raise E()
def solve(x): raise E()""", "function", "exception"),
    Hostile("a metaclass that lies", """\
class M(type):
    def __instancecheck__(cls, other): return True
    def __getattribute__(cls, name): return 49
class A(metaclass=M): pass
def solve(x): return A""", "function", None),
    Hostile("a class attribute that lies", """\
class A:
    __class__ = int
    def __index__(self): return 49
    def __eq__(self, other): return True
def solve(x): return A()""", "function", None),
]  # fmt: skip

PROGRAMS: list[Hostile] = [*_FILES, *_PROCESSES, *_NETWORK, *_RESOURCES, *_SPOOFS]
