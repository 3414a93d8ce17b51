"""Order of work: events before routine, older first, sidecars before their clip; no piece is lost between threads."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from impp_edge.card import work_queue as work_queue_module
from impp_edge.card.find import CardFile
from impp_edge.card.work_queue import EVENT, FINISH, PREPARE, ROUTINE, Urgency, Work, WorkQueue
from impp_edge.config import Folder

CARD = Folder(Path("/card"))


def card_file(name: str, size: int = 1, mtime: int = 0) -> CardFile:
    return CardFile(CARD, os.fsencode(name), size, mtime)


def raw_path(name: str) -> bytes:
    return card_file(name).raw


def urgency(name: str, rank: int = ROUTINE, mtime: int = 0) -> Urgency:
    return (rank, mtime, name.encode(), 1, name.encode())


def take_piece(work_queue: WorkQueue) -> Work:
    work = work_queue.take()
    assert work is not None
    return work


def work_through(work_queue: WorkQueue, parts: int = 1) -> list[str]:
    """Do all work with one worker; returns each piece as name and number."""
    order = []
    while not work_queue.idle:
        work = take_piece(work_queue)
        order.append(f"{work.job.file.relative} {work.piece}")
        if work.piece == PREPARE:
            work_queue.prepared(work.job, range(1, parts + 1))
        elif work.piece == FINISH:
            work_queue.done(work.job)
        else:
            work_queue.sent(work.job)
    return order


def test_a_file_is_prepared_then_its_parts_sent_then_it_is_finished() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("a"), urgency("a"))
    assert work_through(work_queue, parts=2) == ["a -1", "a 1", "a 2", "a 0"]
    assert len(work_queue) == 0 and (work_queue.files, work_queue.bytes) == (1, 1)


def test_an_uploaded_file_needs_no_parts() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("a"), urgency("a"))
    assert work_through(work_queue, parts=0) == ["a -1", "a 0"]


@given(st.lists(st.tuples(st.sampled_from([EVENT, ROUTINE]), st.integers(0, 9)), max_size=30))
def test_one_worker_goes_by_rank_and_then_age(files: list[tuple[int, int]]) -> None:
    work_queue, urgencies = WorkQueue(), []
    for number, (rank, mtime) in enumerate(files):
        urgencies.append(urgency(f"{number:02}", rank, mtime))
        work_queue.add(card_file(f"{number:02}"), urgencies[-1])
    assert [o.split()[0].encode() for o in work_through(work_queue) if o.endswith(" -1")] == [
        u[2] for u in sorted(urgencies)
    ]


def test_an_event_interrupts_a_routine_clip_between_parts() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("long"), urgency("long"))
    work_queue.prepared(take_piece(work_queue).job, [1, 2])
    first = take_piece(work_queue)
    work_queue.add(card_file("crash"), urgency("crash", EVENT, 99))
    work_queue.sent(first.job)
    assert work_through(work_queue) == ["crash -1", "crash 1", "crash 0", "long 2", "long 0"]


def test_several_workers_share_a_file_and_the_last_part_releases_its_finish() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("a"), urgency("a"))
    work_queue.prepared(take_piece(work_queue).job, [1, 2])
    one, two = take_piece(work_queue), take_piece(work_queue)
    assert (one.piece, two.piece) == (1, 2) and not work_queue.idle
    work_queue.sent(two.job)
    blocked = threading.Thread(target=lambda: work_queue.done(take_piece(work_queue).job))
    blocked.start()  # nothing to take until part 1 is back
    assert work_queue.sent(one.job) is False
    blocked.join(10)
    assert work_queue.idle and len(work_queue) == 0


def test_a_clip_waits_for_its_existing_sidecars_only() -> None:
    work_queue = WorkQueue()
    clip = urgency("clip", EVENT)
    work_queue.add(card_file("a.gps"), (EVENT, 0, b"clip", 0, b"a.gps"))
    work_queue.add(card_file("a.thm"), (EVENT, 0, b"clip", 0, b"a.thm"))
    work_queue.add(card_file("clip"), clip, [raw_path(name) for name in ("a.gps", "a.thm", "gone.gps")])
    work_queue.add(card_file("other"), urgency("other"))
    one, two, other = take_piece(work_queue), take_piece(work_queue), take_piece(work_queue)
    assert [str(w.job.file.relative) for w in (one, two, other)] == ["a.gps", "a.thm", "other"]
    work_queue.done(one.job)
    work_queue.done(other.job)
    assert not work_queue.idle  # a sidecar is under way
    work_queue.done(two.job)
    assert work_through(work_queue) == ["clip -1", "clip 1", "clip 0"]


def test_an_error_stops_further_parts_and_the_last_one_ends_the_file() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("a"), urgency("a"))
    work_queue.add(card_file("b"), urgency("b", mtime=1))
    work_queue.prepared(take_piece(work_queue).job, [1, 2, 3])
    one, two = take_piece(work_queue), take_piece(work_queue)
    assert work_queue.sent(one.job, ValueError("one")) is False
    assert str(take_piece(work_queue).job.file.relative) == "b"
    assert work_queue.sent(two.job) is True
    assert str(two.job.error) == "one"
    work_queue.done(two.job)
    assert len(work_queue) == 1


def test_outside_the_hours_only_events_are_handed_out() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("long"), urgency("long"))
    work_queue.prepared(take_piece(work_queue).job, [1, 2])
    work_queue.sent(take_piece(work_queue).job)
    work_queue.add(card_file("crash"), urgency("crash", EVENT))
    work_queue.add(card_file("short"), urgency("short"))
    work_queue.allow(routine=False)
    assert work_through(work_queue) == ["crash -1", "crash 1", "crash 0"] and len(work_queue) == 2
    work_queue.add(card_file("crash 2"), urgency("crash 2", EVENT))
    work_queue.allow(routine=False, events=False)
    assert work_queue.idle
    work_queue.allow(routine=True)
    assert work_through(work_queue) == [
        "crash 2 -1",
        "crash 2 1",
        "crash 2 0",
        "long 2",
        "long 0",
        "short -1",
        "short 1",
        "short 0",
    ]


def test_a_file_is_on_the_board_once_in_its_latest_version() -> None:
    work_queue = WorkQueue()
    assert work_queue.add(card_file("a"), urgency("a"))
    assert not work_queue.add(card_file("a"), urgency("a"))
    assert work_queue.add(card_file("a", size=2), urgency("a"))  # it grew while it waited
    work = take_piece(work_queue)
    assert work.job.file == card_file("a", size=2)
    assert not work_queue.add(card_file("a", size=3), urgency("a"))  # it is under way: it will fail by itself
    work_queue.done(work.job)
    assert work_queue.idle and len(work_queue) == 0


def test_a_removed_card_drops_its_files() -> None:
    work_queue, other = WorkQueue(), Folder(Path("/phone"))
    for number in range(100):
        work_queue.add(card_file(f"{number:02}"), urgency(f"{number:02}"), [raw_path("00")] if number else ())
    kept = CardFile(other, b"x", 1, 0)
    work_queue.add(kept, urgency("x", mtime=9))
    work = take_piece(work_queue)
    work_queue.drop(CARD)
    assert len(work_queue) == 2
    work_queue.done(work.job)
    assert len(work_queue) == 1 and take_piece(work_queue).job.file == kept


def test_close_releases_idle_workers() -> None:
    work_queue = WorkQueue()
    work_queue.add(card_file("a"), urgency("a"))
    work = take_piece(work_queue)
    threads = [threading.Thread(target=work_queue.take) for _ in range(3)]
    for thread in threads:
        thread.start()
    work_queue.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    work_queue.prepared(work.job, [1])
    assert work_queue.take() is None and len(work_queue) == 1


def test_the_number_of_started_files_is_bounded() -> None:
    work_queue = WorkQueue()
    for number in range(work_queue_module.BEGUN + 10):
        work_queue.add(card_file(f"{number}"), urgency(f"{number}", mtime=-number))
        work = take_piece(work_queue)
        if work.piece == PREPARE:
            work_queue.prepared(work.job, [1, 2])
        else:
            work_queue.sent(work.job)
    assert len(work_queue._begun) <= work_queue_module.BEGUN


def test_many_workers_do_each_piece_once() -> None:
    work_queue, done, mutex = WorkQueue(), [], threading.Lock()
    for number in range(300):
        sidecars = [raw_path(f"{number - number % 3:03}")] if number % 3 else []
        work_queue.add(card_file(f"{number:03}"), urgency(f"{number:03}"), sidecars)

    def work() -> None:
        while (piece := work_queue.take()) is not None:
            with mutex:
                done.append((str(piece.job.file.relative), piece.piece))
            if piece.piece == PREPARE:
                work_queue.prepared(piece.job, [1, 2, 3])
            elif piece.piece == FINISH:
                work_queue.done(piece.job)
                if work_queue.idle:
                    work_queue.close()
            else:
                work_queue.sent(piece.job)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == sorted((f"{n:03}", piece) for n in range(300) for piece in (-1, 0, 1, 2, 3))
    ended = {name: at for at, (name, piece) in enumerate(done) if piece == FINISH}
    begun = {name: at for at, (name, piece) in enumerate(done) if piece == PREPARE}
    assert all(begun[f"{n:03}"] > ended[f"{n - n % 3:03}"] for n in range(300) if n % 3)


def test_a_waiting_file_takes_less_than_1_kb() -> None:
    import tracemalloc

    work_queue = WorkQueue()
    tracemalloc.start()
    try:
        for number in range(2000):
            name = f"Record/20260115_{number:06}_NF.mp4"
            work_queue.add(card_file(name, 10**8, 10**18 + number), urgency(name))
        each = tracemalloc.get_traced_memory()[0] / 2000
    finally:
        tracemalloc.stop()
    assert each < 1000, each
