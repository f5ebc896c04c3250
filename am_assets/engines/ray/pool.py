"""A Ray to work on, and pipelines of Ray Data over its actors.

A local Ray listens on the loopback interface alone and lets in whoever holds its token; its files
lie in a temporary folder that goes away with it.
"""

import logging
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from am_assets.core.settings.ray import Ray

_OBJECT_STORE_BYTES = 512 * 2**20
_REASON_LENGTH = 300
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
_LOCAL_ENVIRONMENT = {
    # Without clusters to join, Ray listens on the loopback interface alone.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}


class RayUnusable(RuntimeError):
    """Ray is missing, cannot be reached or is too small; the message names a remedy."""


@dataclass(frozen=True)
class Actors:
    """How many actors, what each takes, and how a pipeline feeds them."""

    count: int
    cpus: int
    gpus: float
    calls: int = 1
    """Parts an actor works on at a time, in as many threads."""
    retries: int = 0
    """How often a part is worked on again that was lost with its actor."""


class RayPool:
    """Ray as a profile's `ray` section wants it, started or reached at first use.

    Raises RayUnusable where Ray is not installed.
    """

    def __init__(self, settings: Ray) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            import_module("ray.data")
        except ImportError as error:
            raise RayUnusable(
                f"the profile's ray section needs Ray ({error}): pip install am-assets[ray]"
            ) from error
        self.settings = settings
        self._folder: Path | None = None
        self._started = False
        self._holder: Callable[[], None] | None = None
        self._staying: list[Callable[[], None]] = []

    def actors(self, role: str) -> Actors:
        """The actors of a role, as the profile wants them."""
        settings = self.settings
        counts: Mapping[str, int] = {**settings.actors}
        return Actors(counts[role], settings.cpus_per_actor, settings.gpus_per_actor)

    def start(self, actors: Actors) -> None:
        """Start or reach Ray. Raises RayUnusable where not even one of `actors` has room there."""
        import ray

        if not (self._started and ray.is_initialized()):
            self._connect()
        total = ray.cluster_resources()
        for kind, needed in (("CPU", actors.cpus), ("GPU", actors.gpus)):
            if needed > total.get(kind, 0):
                raise RayUnusable(
                    f"an actor takes {needed:g} {kind}s and Ray has {total.get(kind, 0):g}: lower "
                    f"ray.{kind.lower()}s_per_actor or tensor_parallel_size, or add machines"
                )

    def hold(self, release: Callable[[], None], *, shared: bool = False) -> None:
        """Let an engine keep its actors, which `release` ends.

        They go when another engine needs their room (Ray waits without end for room that is never
        given back); with `shared` they stay beside it, until the pool is closed.
        """
        if shared:
            self._staying.append(release)
        else:
            self.make_room()
            self._holder = release

    def make_room(self) -> None:
        """End the actors that an engine keeps for itself."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder()

    def kill(self, actors: Iterable[Any]) -> None:
        """End actors by their handles."""
        import ray

        # Where Ray is gone, so are they.
        if ray.is_initialized():
            for actor in actors:
                ray.kill(actor)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that every actor sees, removed afterwards."""
        folder = self.settings.scratch
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="am-ray-", dir=folder) as made:
            yield Path(made)

    def run(
        self, parts: int, worker: type, arguments: Mapping[str, Any], actors: Actors
    ) -> Iterator[pa.Table]:
        """Have `worker(**arguments)`, in actors, called with each of the parts 0, 1, …

        A call takes a table with the part's number in `id`, and gives tables of one row; they
        come back as they are made, in no order. A part whose call fails is passed over. Raises
        what Ray raises when the pipeline as a whole fails.
        """
        import ray.data

        self.make_room()
        self.start(actors)
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_options.preserve_order = False
        # Blocks are never gathered: what a worker gives is passed on.
        context.target_max_block_size = 1
        context.max_errored_blocks = -1
        with warnings.catch_warnings():
            # Bounded retries can only be had by arguments that Ray 2.64 takes away.
            warnings.simplefilter("ignore", DeprecationWarning)
            # One part a block and a task: of small files Ray Data would make a single task.
            dataset = ray.data.range(parts, override_num_blocks=parts).map_batches(
                worker,
                fn_constructor_kwargs=dict(arguments),
                batch_size=None,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(
                    size=min(actors.count, parts),
                    max_tasks_in_flight_per_actor=actors.calls,
                    max_concurrent_calls_per_actor=actors.calls,
                    enable_true_multi_threading=True,
                ),
                num_cpus=actors.cpus,
                num_gpus=actors.gpus,
                max_restarts=-1,
                max_task_retries=actors.retries,
            )
        yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)

    def close(self) -> None:
        """End the actors and the Ray that was started here; a later use starts anew."""
        self.make_room()
        while self._staying:
            self._staying.pop()()
        if self._started:
            import ray

            ray.shutdown()
            self._started = False
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _connect(self) -> None:
        import ray

        self.close()
        quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        settings = self.settings
        try:
            if settings.address is not None:
                ray.init(address=settings.address, **quiet)
            else:
                self._folder = Path(tempfile.mkdtemp(prefix="am-ray-"))
                _keep_local()
                ray.init(
                    include_dashboard=False,
                    num_cpus=settings.cpus or max(4, os.cpu_count() or 1, settings.needed_cpus),
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _temp_dir=str(self._folder),
                    **quiet,
                )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = settings.address or "on this machine"
            self.close()
            raise RayUnusable(
                f"Ray {where} cannot be used ({reason(error)}): correct the profile's ray section, "
                "or see that the cluster is up"
            ) from error
        self._started = True


def reason(problem: Exception) -> str:
    """An exception of Ray's as one line: the last one, where the actor's own exception is told."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return (lines[-1] if lines else type(problem).__name__)[:_REASON_LENGTH]


def _keep_local() -> None:
    """Have the Ray about to be started keep to this machine and this user."""
    from ray._private import ray_constants
    from ray._raylet import Config  # pyright: ignore[reportAttributeAccessIssue]

    os.environ.update(_LOCAL_ENVIRONMENT)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    # Ray read its environment when it was imported, which importing vLLM does as well.
    ray_constants.ENABLE_RAY_CLUSTER = False
    Config.initialize("")
