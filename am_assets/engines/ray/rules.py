"""The rules of verification in actors of Ray: math workers and a sandbox in each."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, get_args

from am_assets.core.code.files import sources_digest
from am_assets.core.code.guard import check_same
from am_assets.core.runner import IsolationMissing, Language
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check
from am_assets.engines.ray.pool import RayPool, RayUnusable, reason
from am_assets.engines.sandbox.sandbox import Sandbox
from am_assets.stages.verification.outcome import Outcome
from am_assets.stages.verification.rules import ThreadedRules

_RETRIES = 3

Decided = list[Outcome | None]


class RayRules:
    """Rules in several actors; implements `stages.verification.rules.RuleRunner`.

    The actors stay until `close`, so that they work on while a judge or a reward model does. An
    actor that dies is replaced and decides its checks again. Raises RayUnusable where Ray cannot
    be used.
    """

    def __init__(self, pool: RayPool) -> None:
        self._pool = pool
        self._actors = pool.actors("verification")
        self._lock = threading.Lock()
        self._waiting: dict[Any, int] = {}
        """Batches given to each actor and not decided."""
        self._isolation: dict[Language, str] = {}

    def isolation(self, language: Language) -> str:
        """What programs of a language run in and by, "none" where none run; alike on all nodes."""
        self._started()
        return self._isolation[language]

    def submit(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> Future[Decided]:
        """What the rules say about `checks`, later; fails with RayUnusable."""
        waiting = self._started()
        with self._lock:
            actor = min(waiting, key=lambda known: waiting[known])
            waiting[actor] += 1
        given: Future[Decided] = Future()

        def decided(answer: "Future[Decided]") -> None:
            with self._lock:
                waiting[actor] -= 1
            problem = answer.exception()
            if problem is None:
                given.set_result(answer.result())
            else:
                text = reason(problem) if isinstance(problem, Exception) else "stopped"
                given.set_exception(
                    RayUnusable(f"verification in Ray's actors failed ({text}): run again")
                )

        actor.decide.remote(checks, config, require_format).future().add_done_callback(decided)
        return given

    def close(self) -> None:
        """End the actors; a later `submit` starts them again."""
        self._pool.kill(self._waiting)
        self._waiting = {}

    def _started(self) -> dict[Any, int]:
        import ray
        from ray.exceptions import RayError

        self._pool.start(self._actors)
        if not self._waiting:
            cpus = self._actors.cpus
            remote: Any = ray.remote(RulesActor)
            remote = remote.options(
                num_cpus=cpus, max_concurrency=cpus, max_restarts=-1, max_task_retries=_RETRIES
            )
            self._waiting = {
                remote.remote(cpus, sources_digest()): 0 for _ in range(self._actors.count)
            }
            self._pool.hold(self.close, shared=True)
            try:
                found = {
                    language: set(
                        ray.get([actor.isolation.remote(language) for actor in self._waiting])
                    )
                    for language in get_args(Language)
                }
            except RayError as error:
                self.close()
                raise RayUnusable(
                    f"Ray's actors for verification do not start ({reason(error)}): see that "
                    "am-assets is installed on every node"
                ) from error
            for language, ways in found.items():
                if len(ways) > 1:
                    self.close()
                    raise RayUnusable(
                        f"Ray's nodes run {language} programs differently "
                        f"({', '.join(sorted(ways))}): verdicts would depend on the node, so make "
                        "them alike"
                    )
                (self._isolation[language],) = ways
        return self._waiting


class RulesActor:
    """Math workers and a sandbox in an actor."""

    def __init__(self, workers: int, code: str) -> None:
        check_same(code)
        try:
            sandbox = Sandbox(workers).start()
        except IsolationMissing:
            # Code is then pending, as it is without Ray.
            sandbox = None
        self._rules = ThreadedRules(sandbox, workers)

    def isolation(self, language: Language) -> str:
        """See `RuleRunner.isolation`."""
        return self._rules.isolation(language)

    def decide(
        self, checks: Sequence[Check], config: Verification, require_format: bool
    ) -> Decided:
        """See `stages.verification.rules.decide`."""
        return self._rules.submit(checks, config, require_format).result()
