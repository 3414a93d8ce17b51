"""Who comes next: events before routine, older first, sidecars before their clip, and nothing lost between threads."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from impp_edge.card import board as board_module
from impp_edge.card.board import EVENT, FINISH, PREPARE, ROUTINE, Board, Urgency, Work
from impp_edge.card.find import Found
from impp_edge.config import Folder

CARD = Folder(Path("/card"))


def found(name: str, size: int = 1, mtime: int = 0) -> Found:
    return Found(CARD, os.fsencode(name), size, mtime)


def place(name: str) -> bytes:
    return found(name).raw


def urgency(name: str, rank: int = ROUTINE, mtime: int = 0) -> Urgency:
    return (rank, mtime, name.encode(), 1, name.encode())


def take(board: Board) -> Work:
    work = board.take()
    assert work is not None
    return work


def names(board: Board, parts: int = 1) -> list[str]:
    """One worker's way through the board: each piece as name and number."""
    order = []
    while not board.idle:
        work = take(board)
        order.append(f"{work.job.found.relative} {work.piece}")
        if work.piece == PREPARE:
            board.prepared(work.job, range(1, parts + 1))
        elif work.piece == FINISH:
            board.done(work.job)
        else:
            board.sent(work.job)
    return order


def test_a_file_is_prepared_then_its_parts_sent_then_it_is_finished() -> None:
    board = Board()
    board.add(found("a"), urgency("a"))
    assert names(board, parts=2) == ["a -1", "a 1", "a 2", "a 0"]
    assert len(board) == 0 and (board.files, board.bytes) == (1, 1)


def test_what_is_there_already_needs_no_part() -> None:
    board = Board()
    board.add(found("a"), urgency("a"))
    assert names(board, parts=0) == ["a -1", "a 0"]


@given(st.lists(st.tuples(st.sampled_from([EVENT, ROUTINE]), st.integers(0, 9)), max_size=30))
def test_one_worker_goes_by_rank_then_age(files: list[tuple[int, int]]) -> None:
    board, urgencies = Board(), []
    for number, (rank, mtime) in enumerate(files):
        urgencies.append(urgency(f"{number:02}", rank, mtime))
        board.add(found(f"{number:02}"), urgencies[-1])
    assert [o.split()[0].encode() for o in names(board) if o.endswith(" -1")] == [u[2] for u in sorted(urgencies)]


def test_an_event_comes_between_two_parts_of_a_routine_clip() -> None:
    board = Board()
    board.add(found("long"), urgency("long"))
    board.prepared(take(board).job, [1, 2])
    first = take(board)
    board.add(found("crash"), urgency("crash", EVENT, 99))
    board.sent(first.job)
    assert names(board) == ["crash -1", "crash 1", "crash 0", "long 2", "long 0"]


def test_parts_of_one_file_go_to_several_workers_and_the_last_one_back_frees_its_end() -> None:
    board = Board()
    board.add(found("a"), urgency("a"))
    board.prepared(take(board).job, [1, 2])
    one, two = take(board), take(board)
    assert (one.piece, two.piece) == (1, 2) and not board.idle
    board.sent(two.job)
    blocked = threading.Thread(target=lambda: board.done(take(board).job))
    blocked.start()  # nothing to take until part 1 is back
    assert board.sent(one.job) is False
    blocked.join(10)
    assert board.idle and len(board) == 0


def test_a_clip_waits_for_all_its_sidecars_and_not_for_those_that_are_not_there() -> None:
    board = Board()
    clip = urgency("clip", EVENT)
    board.add(found("a.gps"), (EVENT, 0, b"clip", 0, b"a.gps"))
    board.add(found("a.thm"), (EVENT, 0, b"clip", 0, b"a.thm"))
    board.add(found("clip"), clip, [place(name) for name in ("a.gps", "a.thm", "gone.gps")])
    board.add(found("other"), urgency("other"))
    one, two, other = take(board), take(board), take(board)
    assert [str(w.job.found.relative) for w in (one, two, other)] == ["a.gps", "a.thm", "other"]
    board.done(one.job)
    board.done(other.job)
    assert not board.idle  # a sidecar is under way
    board.done(two.job)
    assert names(board) == ["clip -1", "clip 1", "clip 0"]


def test_after_an_error_no_part_is_handed_out_and_the_last_one_back_ends_it() -> None:
    board = Board()
    board.add(found("a"), urgency("a"))
    board.add(found("b"), urgency("b", mtime=1))
    board.prepared(take(board).job, [1, 2, 3])
    one, two = take(board), take(board)
    assert board.sent(one.job, ValueError("one")) is False
    assert str(take(board).job.found.relative) == "b"
    assert board.sent(two.job) is True
    assert str(two.job.error) == "one"
    board.done(two.job)
    assert len(board) == 1


def test_outside_the_hours_only_events_go_and_the_rest_stays() -> None:
    board = Board()
    board.add(found("long"), urgency("long"))
    board.prepared(take(board).job, [1, 2])
    board.sent(take(board).job)
    board.add(found("crash"), urgency("crash", EVENT))
    board.add(found("short"), urgency("short"))
    board.allow(routine=False)
    assert names(board) == ["crash -1", "crash 1", "crash 0"] and len(board) == 2
    board.add(found("crash 2"), urgency("crash 2", EVENT))
    board.allow(routine=False, events=False)
    assert board.idle
    board.allow(routine=True)
    assert names(board) == [
        "crash 2 -1",
        "crash 2 1",
        "crash 2 0",
        "long 2",
        "long 0",
        "short -1",
        "short 1",
        "short 0",
    ]


def test_a_file_is_on_the_board_once_and_as_it_is_now() -> None:
    board = Board()
    assert board.add(found("a"), urgency("a"))
    assert not board.add(found("a"), urgency("a"))
    assert board.add(found("a", size=2), urgency("a"))  # it grew while it waited
    work = take(board)
    assert work.job.found == found("a", size=2)
    assert not board.add(found("a", size=3), urgency("a"))  # it is under way: it will fail by itself
    board.done(work.job)
    assert board.idle and len(board) == 0


def test_a_card_that_was_pulled_out_takes_its_files_with_it() -> None:
    board, other = Board(), Folder(Path("/phone"))
    for number in range(100):
        board.add(found(f"{number:02}"), urgency(f"{number:02}"), [place("00")] if number else ())
    kept = Found(other, b"x", 1, 0)
    board.add(kept, urgency("x", mtime=9))
    work = take(board)
    board.drop(CARD)
    assert len(board) == 2
    board.done(work.job)
    assert len(board) == 1 and take(board).job.found == kept


def test_closing_lets_every_worker_end_with_the_piece_it_has() -> None:
    board = Board()
    board.add(found("a"), urgency("a"))
    work = take(board)
    threads = [threading.Thread(target=board.take) for _ in range(3)]
    for thread in threads:
        thread.start()
    board.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    board.prepared(work.job, [1])
    assert board.take() is None and len(board) == 1


def test_few_are_begun_however_many_more_urgent_ones_come() -> None:
    board = Board()
    for number in range(board_module.BEGUN + 10):
        board.add(found(f"{number}"), urgency(f"{number}", mtime=-number))
        work = take(board)
        if work.piece == PREPARE:
            board.prepared(work.job, [1, 2])
        else:
            board.sent(work.job)
    assert len(board._begun) <= board_module.BEGUN


def test_many_workers_do_each_piece_once() -> None:
    board, done, mutex = Board(), [], threading.Lock()
    for number in range(300):
        sidecars = [place(f"{number - number % 3:03}")] if number % 3 else []
        board.add(found(f"{number:03}"), urgency(f"{number:03}"), sidecars)

    def work() -> None:
        while (piece := board.take()) is not None:
            with mutex:
                done.append((str(piece.job.found.relative), piece.piece))
            if piece.piece == PREPARE:
                board.prepared(piece.job, [1, 2, 3])
            elif piece.piece == FINISH:
                board.done(piece.job)
                if board.idle:
                    board.close()
            else:
                board.sent(piece.job)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == sorted((f"{n:03}", piece) for n in range(300) for piece in (-1, 0, 1, 2, 3))
    ended = {name: at for at, (name, piece) in enumerate(done) if piece == FINISH}
    begun = {name: at for at, (name, piece) in enumerate(done) if piece == PREPARE}
    assert all(begun[f"{n:03}"] > ended[f"{n - n % 3:03}"] for n in range(300) if n % 3)


def test_a_waiting_file_is_light() -> None:
    import tracemalloc

    board = Board()
    tracemalloc.start()
    try:
        for number in range(2000):
            name = f"Record/20260115_{number:06}_NF.mp4"
            board.add(found(name, 10**8, 10**18 + number), urgency(name))
        each = tracemalloc.get_traced_memory()[0] / 2000
    finally:
        tracemalloc.stop()
    assert each < 1000, each
