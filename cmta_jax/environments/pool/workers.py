"""All worker processes together: send a command to all, wait for all, replace those that are lost."""

import os
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import RandomState

from cmta_jax.environments.pool import balancing, channel, resources, shared_memory
from cmta_jax.environments.pool.in_process import InProcessWorker
from cmta_jax.environments.pool.process import WorkerLost, WorkerProcess
from cmta_jax.environments.pool.shared_memory import Layout

Worker = WorkerProcess | InProcessWorker
OnLost = Callable[[list[int], str], None]  # (lanes, cause)

_QUIT_TIMEOUT = 2.0  # seconds


class Team:
    """Workers over all lanes of a pool, and the arrays shared with them.

    Args:
        tasks: the task of each lane [L], lanes being seeds x tasks x copies in this order.
        fields: the shared arrays, as `shared_memory.layout` gives them.
        simulator: keyword arguments of `simulator.make`; and those of `simulator.pictures.Pictures` as `pictures`, if
            pictures are drawn.
        workers: how many processes, and whether the caller steps a share of the lanes itself while it waits.
        timeout: seconds without an answer after which a worker counts as lost.
        on_lost: called with (lanes, cause) before a lost worker is replaced; may raise.

    Attributes:
        shared: the shared arrays by name; see `shared_memory.layout`.
        workers: one per process, and the caller's.
    """

    def __init__(
        self,
        tasks: list[str],
        fields: Layout,
        simulator: dict[str, Any],
        *,
        workers: balancing.Workers,
        timeout: float,
        on_lost: OnLost,
    ):
        num_seeds, num_tasks, *_ = fields["goal_vectors"][0]
        self._dims = num_seeds, num_tasks, len(tasks) // (num_seeds * num_tasks)
        self._timeout, self._on_lost = timeout, on_lost
        self._memory = shared_memory.create(fields)
        self.shared = shared_memory.attach(self._memory, fields)
        rows = [(seed, task) for seed, task, _ in np.ndindex(self._dims)]
        self.workers: list[Worker] = []
        self._lost: list[int] = []  # lanes of workers that were replaced since the last `wait`
        self._finalizer = weakref.finalize(self, _end, self.workers, self._memory)
        may_spin = workers.count - workers.caller_is_one < resources.usable_cores()  # a core is left for the caller
        for lanes in balancing.assign(tasks, workers.count):
            own = {"lanes": lanes, "tasks": [tasks[lane] for lane in lanes], "rows": [rows[lane] for lane in lanes]}
            spec = {**own, "layout": fields, "simulator": simulator, "may_spin": may_spin}
            if workers.caller_is_one and not self.workers:  # the first, whose turn in `wait` comes first
                self.workers.append(InProcessWorker(lanes, spec, self.shared))
            else:
                self.workers.append(WorkerProcess(lanes, spec, self._memory))
        self._owner = {lane: worker for worker in self.workers for lane in worker.lanes}
        for worker in self.workers:
            self._await_first_start(worker, tasks)

    def _await_first_start(self, worker: Worker, tasks: list[str]) -> None:
        """Waits for a worker's first start. If that fails, it is not tried again, because it would fail again."""
        try:
            worker.await_start()
        except WorkerLost as lost:
            self.close()
            names = ", ".join(sorted({tasks[lane] for lane in worker.lanes}))
            raise RuntimeError(f"The environments of {names} could not be built: their worker {lost}") from lost

    def draw_goal_vectors(self, seeds: tuple[int, ...]) -> None:
        """Fills `goal_vectors`: one stream per seed for its tasks in order, as `metaworld.MT10(seed)` draws them."""
        _, num_tasks, copies = self._dims
        for row, seed in enumerate(seeds):
            state = RandomState(seed).get_state(legacy=False)["state"]
            self.shared["generator_key"][:], self.shared["generator_position"][0] = state["key"], state["pos"]
            for task in range(num_tasks):
                self._draw((row * num_tasks + task) * copies)

    def _draw(self, lane: int) -> None:
        """Lets the worker of `lane` draw the goal vectors of that lane's task from the shared stream."""
        key, position = self.shared["generator_key"].copy(), int(self.shared["generator_position"][0])
        self.shared["chosen_lane"][0] = lane
        worker = self._owner[lane]
        worker.ask(channel.DRAW)
        if self._await(worker) is None:  # lost: draw again, from the same state
            self.shared["generator_key"][:], self.shared["generator_position"][0] = key, position
            self._draw(lane)

    def ask(self, command: bytes) -> None:
        """Sends a command to every worker. An answer that an interruption left unread is read before."""
        for worker in self.workers:
            if worker.pending and self._await(worker) is None:
                self._lost += worker.lanes
            worker.ask(command)

    def wait(self, patience: float = 1.0) -> tuple[dict[int, str], list[int]]:
        """Waits for every worker's answer.

        Args:
            patience: how many timeouts to wait, for a command that takes long.

        Returns:
            The cause of failure by lane, and the lanes of workers that were lost and have been replaced.
        """
        failed: dict[int, str] = {}
        lost, self._lost = self._lost, []
        for worker in self.workers:
            if not worker.pending:
                continue  # its answer was read before an interruption
            report = self._await(worker, patience)
            if report is None:
                lost += worker.lanes
            else:
                failed |= {int(lane): cause for lane, cause in report.items()}
        return failed, lost

    def _await(self, worker: Worker, patience: float = 1.0) -> dict[str, str] | None:
        """The cause of failure by lane of one worker; None if the worker was lost, and then it has been replaced."""
        try:
            return worker.wait(patience * self._timeout)
        except WorkerLost as lost:
            self._replace(worker, str(lost))
            return None

    def _replace(self, worker: Worker, cause: str) -> None:
        while True:
            worker.kill()
            self._on_lost(worker.lanes, cause)
            worker.start()
            try:
                worker.await_start()
                return
            except WorkerLost as lost:
                cause = str(lost)

    def close(self) -> None:
        """Ends the processes and frees the shared memory. May be called twice."""
        self._finalizer()


def _end(workers: list[Worker], memory: int) -> None:
    for worker in workers:
        worker.quit(_QUIT_TIMEOUT)
    os.close(memory)
