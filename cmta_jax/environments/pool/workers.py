"""The worker processes together: ask all, await all, replace those that are lost."""

import os
import weakref

import numpy as np
from numpy.random import RandomState

from cmta_jax.environments.pool import balancing, channel, shared_memory
from cmta_jax.environments.pool.process import WorkerLost, WorkerProcess

_QUIT_TIMEOUT = 2.0  # seconds


class Team:
    """Workers over all lanes of a pool, and the arrays shared with them.

    Args:
        tasks: the task of each lane [L], lanes being seeds x tasks x copies in this order.
        dims: (seeds, tasks, copies).
        simulator: keyword arguments of `simulator.make`.
        num_workers: processes.
        timeout: seconds without an answer after which a worker counts as hanging.
        on_lost: called with (lanes, cause) before a lost worker is replaced; may raise.
    """

    def __init__(
        self, tasks: list[str], dims: tuple[int, int, int], simulator: dict, num_workers: int, timeout, on_lost
    ):
        self._dims, self._timeout, self._on_lost = dims, timeout, on_lost
        fields = shared_memory.layout(*dims)
        self._memory = shared_memory.create(fields)
        self.shared = shared_memory.attach(self._memory, fields)
        rows = [(seed, task) for seed, task, _ in np.ndindex(dims)]
        self.workers = []
        self._finalizer = weakref.finalize(self, _end, self.workers, self._memory)
        for lanes in balancing.assign(tasks, num_workers):
            own = {"lanes": lanes, "tasks": [tasks[lane] for lane in lanes], "rows": [rows[lane] for lane in lanes]}
            spec = {**own, "layout": fields, "simulator": simulator}
            self.workers.append(WorkerProcess(lanes, spec, self._memory))
        self._owner = {lane: worker for worker in self.workers for lane in worker.lanes}
        for worker in self.workers:
            self._await_first_start(worker, tasks)

    def _await_first_start(self, worker: WorkerProcess, tasks: list[str]) -> None:
        """A worker that does not even start once will not start later: no restart is tried."""
        try:
            worker.await_start()
        except WorkerLost as lost:
            self.close()
            names = ", ".join(sorted({tasks[lane] for lane in worker.lanes}))
            raise RuntimeError(f"The environments of {names} could not be built: their worker {lost}") from lost

    def draw_goal_sets(self, seeds: tuple[int, ...]) -> None:
        """Fills `goal_vectors`: one stream per seed through its tasks in order, as `metaworld.MT10(seed)` does it."""
        _, num_tasks, copies = self._dims
        for row, seed in enumerate(seeds):
            _, self.shared["generator_key"][:], self.shared["generator_position"][0], *_ = RandomState(seed).get_state()
            for task in range(num_tasks):
                self._draw((row * num_tasks + task) * copies)

    def _draw(self, lane: int) -> None:
        """Has the goal sets of one lane's task drawn from the shared stream."""
        key, position = self.shared["generator_key"].copy(), int(self.shared["generator_position"][0])
        self.shared["chosen_lane"][0] = lane
        worker = self._owner[lane]
        worker.ask(channel.DRAW)
        if self._await(worker) is None:  # lost: once more, from the same state
            self.shared["generator_key"][:], self.shared["generator_position"][0] = key, position
            self._draw(lane)

    def ask(self, command: bytes) -> None:
        """Gives every worker a command."""
        for worker in self.workers:
            worker.ask(command)

    def wait(self) -> tuple[dict[int, str], list[int]]:
        """Awaits every worker's answer.

        Returns:
            What failed, by lane; and the lanes of workers that were lost and have been replaced.
        """
        failed, lost = {}, []
        for worker in self.workers:
            if not worker.pending:
                continue  # its answer was read before an interruption
            report = self._await(worker)
            if report is None:
                lost += worker.lanes
            else:
                failed |= {int(lane): cause for lane, cause in report.items()}
        return failed, lost

    def _await(self, worker: WorkerProcess) -> dict[str, str] | None:
        """What failed in a worker, by lane; None if it was lost meanwhile (it is replaced then)."""
        try:
            return worker.wait(self._timeout)
        except WorkerLost as lost:
            self._replace(worker, str(lost))
            return None

    def _replace(self, worker: WorkerProcess, cause: str) -> None:
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
        """Ends the processes; the shared memory goes with them. May be called twice."""
        self._finalizer()


def _end(workers: list[WorkerProcess], memory: int) -> None:
    for worker in workers:
        worker.quit(_QUIT_TIMEOUT)
    os.close(memory)
