"""C++ programs: honest ones pass, hostile ones fail and do nothing, and compilers are confined."""

import shutil

import pytest

from am_assets.core.runner import Job
from am_assets.core.settings.verification import CodeConfig
from am_assets.engines.sandbox import compiling
from am_assets.engines.sandbox.compiling import Compiler
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.code.check import check_code
from am_assets.stages.verification.outcome import Outcome
from am_assets_tests.integration.verification.test_hostile import open_folder  # noqa: F401
from am_assets_tests.support.verification.hostile_driver import judge
from am_assets_tests.support.verification.hostile_programs import Hostile

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")

HONEST = {
    "cin and cout": "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * n; }",
    "everything included, streams unbound": """\
#include <bits/stdc++.h>
using namespace std;
int main() { ios_base::sync_with_stdio(false); cin.tie(nullptr);
  vector<int> v; int n; while (cin >> n) v.push_back(n * n);
  for (auto x : v) cout << x << '\\n'; }""",
    "scanf and printf": """\
#include <cstdio>
int main() { int n; if (scanf("%d", &n) == 1) printf("%d\\n", n * n); fprintf(stderr, "done"); }""",
    "getline and streams of text": """\
#include <iostream>
#include <sstream>
#include <string>
int main() { std::string s; std::getline(std::cin, s); std::istringstream in(s);
  int n; in >> n; std::cout << n * n << std::endl; }""",
    "opening its input by name": """\
#include <fstream>
#include <iostream>
int main() { std::ifstream in("/dev/stdin"); int n; in >> n; std::cout << n * n; }""",
    "opening its output by name": """\
#include <cstdio>
int main() { int n; if (!freopen("/dev/stdout", "w", stdout) || scanf("%d", &n) != 1) return 1;
  printf("%d", n * n); }""",
    "a deep recursion": """\
#include <iostream>
int deep(int n) { volatile int x = n; return n == 0 ? 0 : deep(n - 1) + (x > 0); }
int main() { int n; std::cin >> n; std::cout << n * n + deep(1000000) - 1000000; }""",
    "threads": """\
#include <atomic>
#include <iostream>
#include <thread>
int main() { int n; std::cin >> n; std::atomic<int> sum{0};
  std::thread a([&] { sum += n; }), b([&] { sum += n * n; });
  a.join(); b.join(); std::cout << sum - n; }""",
    "an exception that is caught": """\
#include <iostream>
#include <stdexcept>
int main() { int n; std::cin >> n;
  try { throw std::runtime_error("x"); }
  catch (const std::exception &) { std::cout << n * n; } }""",
    "large arrays and randomness": """\
#include <chrono>
#include <iostream>
#include <random>
int table[20000000];
int main() { int n; std::cin >> n; std::random_device seed; std::mt19937 g(seed());
  auto now = std::chrono::steady_clock::now();
  table[g() % 20000000] = now > std::chrono::steady_clock::time_point();
  std::cout << n * n; }""",
}

_ATTACK = """\
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main() {{ std::puts(({body}) ? "49" : "contained"); }}
"""


def attack(attempts: str, body: str, reason: str | None = "wrong_answer") -> Hostile:
    return Hostile(attempts, _ATTACK.format(body=body), reason=reason, language="cpp")


HOSTILE = [
    attack("forking", "fork() >= 0"),
    attack("a new process by a raw call", "syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0"),
    attack("starting a shell", 'execl("/bin/sh", "sh", "-c", "echo 49", nullptr) == 0'),
    attack("a command", 'system("echo 49 > /tmp/x") == 0'),
    attack("a file in memory, executed", 'memfd_create("x", 0) >= 0'),
    attack("reading the password file", 'open("/etc/passwd", O_RDONLY) >= 0'),
    attack("reading its own program", 'open("/proc/self/exe", O_WRONLY) >= 0'),
    attack("reading its parent", "[] { char path[64];"
           ' std::snprintf(path, 64, "/proc/%d/environ", getppid());'
           " return open(path, O_RDONLY) >= 0; }()"),
    attack("reading a library", 'open("/usr/lib/os-release", O_RDONLY) >= 0'),
    attack("creating a file", 'open({mark}, O_CREAT | O_WRONLY, 0600) >= 0'.replace(
        "{mark}", '"/tmp/am-assets-hostile"')),
    attack("a socket", "socket(AF_INET, SOCK_STREAM, 0) >= 0"),
    attack("a Unix socket", "socket(AF_UNIX, SOCK_STREAM, 0) >= 0"),
    attack("tracing its parent", "ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0"),
    attack("killing its parent", "kill(getppid(), SIGKILL) == 0"),
    attack("killing everything", "kill(-1, SIGKILL) == 0"),
    attack("higher limits", "[] { rlimit l{RLIM_INFINITY, RLIM_INFINITY};"
           " return setrlimit(RLIMIT_CPU, &l) == 0; }()"),
    attack("the 32-bit system calls", '[] { int r = 20; asm volatile("int $0x80" : "+a"(r));'
           " return r > 0; }()", "killed"),
    attack("the x32 system calls", "syscall(0x40000000 + 39) > 0", "killed"),
    attack("a memory bomb", "[] { for (;;) { char *volatile p = new char[1 << 24];"
           " std::memset(p, 1, 1 << 24); } return true; }()", "memory"),
    Hostile("more static memory than there is",
            "char data[1u << 30];\nint main() { data[1] = 1; __builtin_puts(\"49\"); }",
            reason="killed", language="cpp"),
    attack("shared memory past the limit", "[] { for (int i = 0; i < 64; ++i)"
           " if (mmap(nullptr, 1 << 26, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,"
           " -1, 0) == MAP_FAILED) return false; return true; }()"),
    attack("an endless loop that ignores signals", "[] { for (int i = 1; i < 65; ++i)"
           " signal(i, SIG_IGN); for (volatile int i = 0;; ++i) {} return true; }()", "timeout"),
    attack("an endless sleep", "sleep(1000) == 0", "timeout"),
    attack("stopping itself", "raise(SIGSTOP) == 0", "timeout"),
    attack("an output flood", '[] { for (;;) std::puts("49"); return true; }()', "output_limit"),
    attack("a crash after the answer", '(std::puts("49"), std::fflush(stdout), *(volatile int *)0)',
           "killed"),
    attack("a failing exit after the answer", '(std::puts("49"), std::exit(3), true)', "exception"),
    attack("too many threads", "[] { pthread_attr_t small; pthread_attr_init(&small);"
           " pthread_attr_setstacksize(&small, 1 << 16); pthread_t thread;"
           " for (int i = 0; i < 1000; ++i) if (pthread_create(&thread, &small,"
           " [](void *) -> void * { sleep(1000); return nullptr; }, nullptr)) return false;"
           " return true; }()", None),
    Hostile("including a file of the host", '#include "/etc/passwd"\nint main() {}',
            reason="compile_error", language="cpp"),
    Hostile("embedding a file of the host",
            'asm(".incbin \\"/etc/passwd\\"");\nint main() { __builtin_puts("49"); }',
            reason="compile_error", language="cpp"),
    Hostile("embedding its environment",
            'asm(".incbin \\"/proc/self/environ\\"");\nint main() { __builtin_puts("49"); }',
            reason=None, language="cpp"),
    Hostile("including without end", '#include "/proc/self/fd/0"\nint main() {}',
            reason=None, language="cpp"),
    Hostile("a bomb of templates",
            "template <int n> struct A { A<n - 1> a, b; };\n"
            "template <int n, int m> struct B { typename B<n - 1, m + n>::t x;"
            " typename B<n - 1, m - n>::t y; typedef B t; };\n"
            "template <int m> struct B<0, m> { typedef int t; };\n"
            "B<40, 0> b;\nint main() {}", reason="compile_limit", language="cpp"),
    Hostile("a bomb of data", "int data[1 << 29] = {1};\nint main() {}",
            reason="compile_limit", language="cpp"),
    Hostile("a bomb of macros", "\n".join(
        ["#define A0 1,"] + [f"#define A{i + 1} " + f"A{i} " * 10 for i in range(10)]
        + ["int x[] = {A10};", "int main() {}"]), reason="compile_limit", language="cpp"),
]  # fmt: skip


def check(sandbox: Sandbox, source: str, **settings) -> Outcome:
    test_case = {"type": "stdin_stdout", "language": "cpp", "inputs": ["7\n"], "outputs": ["49\n"]}
    return check_code(f"```cpp\n{source}\n```", test_case, sandbox, CodeConfig(**settings))


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_passes(sandbox, name):
    outcome = check(sandbox, HONEST[name])
    assert (outcome.status, outcome.evidence["language"]) == ("pass", "cpp"), outcome
    assert outcome.evidence["runtime"].startswith("g++ ")


@pytest.mark.attack
def test_hostile_programs_fail_and_do_nothing(sandbox, open_folder, monkeypatch):  # noqa: F811
    monkeypatch.setitem(compiling.LIMITS, "time_limit_s", 3.0)
    found = {
        program.attempts: (status, reason, violations)
        for program, status, reason, violations in judge(HOSTILE, open_folder, sandbox)
    }
    expected = {
        program.attempts: ("fail", program.reason or found[program.attempts][1], [])
        for program in HOSTILE
    }
    assert {name: got for name, got in found.items() if got != expected[name]} == {}


def test_a_compilers_message_is_evidence_without_paths(sandbox):
    outcome = check(sandbox, "#include <vector>\nstd::vector<int> v = 1;\nint main() {}")
    assert (outcome.reason, outcome.score) == ("compile_error", 0.0)
    assert "program.cpp:2" in outcome.evidence["detail"]
    assert "/usr" not in outcome.evidence["detail"]


def test_without_a_compiler_a_sample_waits_for_one(monkeypatch):
    with Sandbox(workers=1) as fresh:
        monkeypatch.setattr(fresh, "_compiler", Compiler(None))
        outcome = check(fresh, HONEST["cin and cout"])
    assert (outcome.status, outcome.reason) == ("error", "compiler_missing")
    assert "install it" in outcome.evidence["detail"]


def test_a_program_is_compiled_once(sandbox):
    job = Job(HONEST["scanf and printf"], "7", language="cpp")
    sandbox.run(job)
    kept = dict(sandbox._compiler._kept)
    sandbox.run(job)
    assert dict(sandbox._compiler._kept) == kept
