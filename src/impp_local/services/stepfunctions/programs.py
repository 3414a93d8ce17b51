"""Programs that run at once, the branches of a Parallel and the items of an inline Map: one that fails ends the others.

"In this mode, the failure of any iteration causes the Map state to fail, and all iterations stop when the Map state
fails" (https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html); "the entire Parallel state is
considered to have failed and all its branches are stopped"
(https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.stepfunctions.parser.api import HistoryEventType, MapIterationEventDetails
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import Job, JobPool
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from impp_local.services.stepfunctions import positions, tasks, tokens

INLINE_CONCURRENCY: Final = 40
"""Iterations of an inline Map that run at once, whatever its MaxConcurrency
(https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html)."""

_evaluate_item_in_moto: Final = IterationWorker._eval_job


def evaluate_items(self: Any, env: Any) -> None:
    """Process the items of an inline Map, some at once; push their results in the order of the items."""
    given = env.stack.pop()
    pool = JobPool(job_program=self._get_iteration_program(), job_inputs=given.input_items)
    under_way: dict[int, Any] = {}
    lock = threading.Lock()

    def work() -> None:
        worker = self._create_worker(env=env, eval_input=given, job_pool=pool)
        frame = env.open_frame()
        while (job := pool.next_job()) is not None:
            item = frame.open_inner_frame()
            with lock:
                under_way[job.job_index] = item
            worker._eval_job(env=item, job=job)
            with lock:
                under_way.pop(job.job_index, None)
            frame.close_frame(item)
            frame.event_history_context.source_event_id = item.event_history_context.last_published_event_id
            pool.close_job(job)
        env.close_frame(frame)

    at_once = min(given.max_concurrency or INLINE_CONCURRENCY, INLINE_CONCURRENCY, len(given.input_items))
    for _ in range(at_once):
        threading.Thread(target=work, name=f"items-{given.state_name}", daemon=True).start()
    pool.await_jobs()
    if (error := pool.get_worker_exception()) is not None:
        with lock:
            aborted = dict(under_way)
        _abort_items(env, given.state_name, aborted)
        raise error
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])


def evaluate_item(self: Any, env: Any, job: Job) -> None:
    """Process an item of a Map."""
    positions.place_item(env, job.job_index)
    _evaluate_item_in_moto(self, env, job)


def _abort_items(env: Any, name: str, items: Mapping[int, Any]) -> None:
    for index, frame in sorted(items.items()):
        details = EventDetails(mapIterationAbortedEventDetails=MapIterationEventDetails(name=name, index=index))  # type: ignore[typeddict-item]
        env.event_manager.add_event(
            context=frame.event_history_context,
            event_type=HistoryEventType.MapIterationAborted,
            event_details=details,
            update_source_event_id=False,
        )
    position = positions.position_of(env)
    if position is not None:
        position.journal.cancel(position.family_of_children)
    for frame in items.values():
        end(frame)


def stop_branch(self: Any, **_: Any) -> None:
    """Stop a branch of a Parallel of which another one has failed."""
    position = positions.position_of(self.env)
    if position is not None:
        position.journal.cancel(position.family)
    end(self.env)


def end(env: Any) -> None:
    """End a branch or an item at once: nobody waits for its tasks any more."""
    frames = list(_with_inner(env))
    env.set_stop(stop_date=datetime.now(UTC), cause=None, error=None)
    tasks.wake(env)
    for frame in frames:
        tokens.abandon(frame)


def _with_inner(env: Any) -> Iterator[Any]:
    yield env
    for frame in [*env._frames]:
        yield from _with_inner(frame)
