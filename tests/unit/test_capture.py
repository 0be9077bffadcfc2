import ctypes
import io
import os
import subprocess
import sys

import pytest

from taskdisc.capture import Capture, log_name, remove_empty, salvage
from taskdisc.model import Job


def in_child(work):
    """Run `work` in a forked child, since it gives away the standard streams; return its exit status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def capturing(tmp_path, work):
    """Run `work(capture)` in a child whose output is captured."""

    def start_and_work():
        capture = Capture(str(tmp_path), "logs/1", "worker-1")
        capture.start()
        work(capture)

    return in_child(start_and_work)


def words(tmp_path, log):
    return (tmp_path / "logs" / "1" / log).read_text("utf-8")


def logs(tmp_path):
    return sorted(path.name for path in (tmp_path / "logs" / "1").iterdir() if path.stat().st_size)


def test_streams_go_to_logs_of_their_own(tmp_path):
    def work(capture):
        print("héllo")
        print("trouble", file=sys.stderr)
        assert capture.take("3.1") == ("logs/1/3.1.out", "logs/1/3.1.err")

    assert capturing(tmp_path, work) == 0
    assert words(tmp_path, "3.1.out") == "héllo\n"
    assert words(tmp_path, "3.1.err") == "trouble\n"


def test_silence_leaves_no_log(tmp_path):
    def work(capture):
        assert capture.take("3.1") == (None, None)

    assert capturing(tmp_path, work) == 0
    assert logs(tmp_path) == []


def test_each_attempt_has_its_own_output(tmp_path):
    def work(capture):
        for number in range(3):
            print(f"this is {number}", end="")
            assert capture.take(f"{number}.1") == (f"logs/1/{number}.1.out", None)

    assert capturing(tmp_path, work) == 0
    assert [words(tmp_path, f"{number}.1.out") for number in range(3)] == ["this is 0", "this is 1", "this is 2"]


def test_output_below_python_is_caught(tmp_path):
    def work(capture):
        os.write(1, b"descriptor\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'child')"], check=True)
        ctypes.CDLL(None).printf(b"library")
        capture.take("1.1")

    assert capturing(tmp_path, work) == 0
    assert words(tmp_path, "1.1.out") == "descriptor\nlibrary"
    assert words(tmp_path, "1.1.err") == "child"


def test_streams_made_before_the_capture_are_caught(tmp_path):
    def start_and_work():
        sys.stdout = old = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8")
        capture = Capture(str(tmp_path), "logs/1", "worker-1")
        capture.start()
        print("from an old stream", file=old)
        capture.take("1.1")

    assert in_child(start_and_work) == 0
    assert words(tmp_path, "1.1.out") == "from an old stream\n"


def test_large_output_is_moved_whole(tmp_path):
    def work(capture):
        os.write(1, b"x" * 3_500_000)
        capture.take("1.1")
        print("next")
        capture.take("2.1")

    assert capturing(tmp_path, work) == 0
    assert (tmp_path / "logs/1/1.1.out").stat().st_size == 3_500_000
    assert words(tmp_path, "2.1.out") == "next\n"


def test_text_that_has_no_encoding_does_not_raise(tmp_path):
    def work(capture):
        print("\udcff")
        capture.take("1.1")

    assert capturing(tmp_path, work) == 0
    assert words(tmp_path, "1.1.out") == "\\udcff\n"


def test_standard_input_is_empty(tmp_path):
    def work(capture):
        assert os.read(0, 1) == b""

    assert capturing(tmp_path, work) == 0


def test_a_closed_stdout_does_not_stop_the_next_attempt(tmp_path):
    def work(capture):
        sys.stdout.close()
        assert capture.take("1.1") == (None, None)

    assert capturing(tmp_path, work) == 0


@pytest.mark.parametrize(
    ("text", "found"), [(b"last words", (None, "logs/1/7.2.err")), (b"", (None, None))], ids=["words", "silence"]
)
def test_output_of_a_dead_worker_is_salvaged(tmp_path, text, found):
    def work(capture):
        os.write(2, text)
        os._exit(9)

    assert capturing(tmp_path, work) == 9
    assert salvage(str(tmp_path), "logs/1", "worker-1", "7.2") == found
    assert logs(tmp_path) == (["7.2.err"] if text else [])


def test_only_empty_files_are_removed(tmp_path):
    assert capturing(tmp_path, lambda capture: os.write(1, b"after the last job")) == 0
    remove_empty(str(tmp_path), "logs/1", "worker-1")
    remove_empty(str(tmp_path), "logs/1", "worker-1")
    assert [path.name for path in (tmp_path / "logs/1").iterdir()] == ["worker-1.out"]


def test_logs_are_named_by_number_and_attempt():
    assert log_name(Job(12, 0, "../../x[k='/']", 3, ())) == "12.3"
