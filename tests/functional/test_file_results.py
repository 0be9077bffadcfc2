"""File results: kept and put back below task_dir, tracked elsewhere, and made by one instance each."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskdisc.testing import Project

MADE = """
    from pathlib import Path
    def made(task_dir: Path):
        (task_dir / "x.txt").write_text("hello")
        return {"x": [task_dir / "x.txt"]}
    def user(made): return made["x"][0].read_text()
"""


def path_of(project: Project, task: str) -> Path:
    (path,) = project.taskdisc("show", task, "--path").assert_ok().stdout.splitlines()
    return Path(path)


# Below task_dir


def test_files_below_task_dir_are_read_only(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def made(task_dir: Path):
                (task_dir / "x.txt").write_text("hello")
                (task_dir / "draft.txt").write_text("not returned")
                return task_dir / "x.txt"
            def user(made):
                return oct(made.stat().st_mode & 0o222)
        """
    )
    assert project.run("user").assert_ok().stdout == "0o0\n"
    path = path_of(project, "made")
    assert path.stat().st_mode & 0o222 == 0
    assert (path.parent / "draft.txt").stat().st_mode & 0o200


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_a_task_cannot_write_to_the_files_of_its_input(project: Project, executor: str) -> None:
    """Root may write anywhere: then the mode says what others may."""
    project.write(
        tasks_x="""
            import os
            from pathlib import Path
            def made(task_dir: Path):
                (task_dir / "x.txt").write_text("hello")
                return task_dir / "x.txt"
            def user(made):
                if os.geteuid() == 0:
                    if made.stat().st_mode & 0o222 == 0:
                        raise PermissionError("read-only")
                made.write_text("mine")
        """
    )
    result = project.run("user", "--executor", executor)
    assert result.outcomes == {"made": "succeeded", "user": "failed"}
    assert "PermissionError" in result.stderr
    assert path_of(project, "made").read_text() == "hello"


def test_a_missing_file_is_put_back(project: Project) -> None:
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    path = path_of(project, "made")
    path.unlink()
    assert project.run("user").assert_ok().ran == []
    assert (path.read_text(), path.stat().st_mode & 0o222) == ("hello", 0)
    project.taskdisc("clear", "user").assert_ok()
    path.unlink()
    path.parent.rmdir()
    assert project.run("user").assert_ok().stdout == "hello\n"


def test_a_file_that_was_replaced_is_put_back(project: Project) -> None:
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    path = path_of(project, "made")
    path.unlink()
    path.write_text("other")
    assert project.run("user").assert_ok().ran == []
    assert path.read_text() == "hello"
    path.unlink()
    path.mkdir()
    assert project.run("user").assert_ok().ran == []
    assert path.read_text() == "hello"


def test_a_file_that_was_changed_in_place_is_made_again(project: Project) -> None:
    """The object may be the same file, so it is damaged too, and not believed."""
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    path = path_of(project, "made")
    path.chmod(0o600)
    path.write_text("other")
    result = project.run("user").assert_ok()
    assert (result.ran, result.stdout) == (["made"], "hello\n")
    path_of(project, "made").unlink()
    assert project.run("user").assert_ok().ran == []
    assert path_of(project, "made").read_text() == "hello"


def test_a_folder_counts_as_a_tree_and_is_put_back(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def made(task_dir: Path):
                for name in ("a/x.txt", "a/y.txt", "z.txt"):
                    (task_dir / "out" / name).parent.mkdir(parents=True, exist_ok=True)
                    (task_dir / "out" / name).write_text(name)
                (task_dir / "out" / "empty").touch()
                return task_dir / "out"
            def names(made): return sorted(p.name for p in made.rglob("*") if p.is_file())
        """
    )
    project.run("names").assert_ok()
    path = path_of(project, "made")
    (path / "a" / "x.txt").unlink()
    (path / "z.txt").unlink()
    (path / "z.txt").write_text("other")
    (path / "a" / "new.txt").write_text("new")
    (path / "empty").unlink()
    project.taskdisc("clear", "names").assert_ok()
    assert project.run("names").assert_ok().stdout == "['empty', 'x.txt', 'y.txt', 'z.txt']\n"
    assert (path / "z.txt").read_text() == "z.txt"


def test_files_take_their_room_once(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def made(task_dir: Path):
                (task_dir / "x.bin").write_bytes(bytes(100_000))
                return task_dir / "x.bin"
        """
    )
    project.run("made").assert_ok()
    assert path_of(project, "made").stat().st_nlink == 2


def test_what_is_cleared_is_gone_from_the_objects_too(project: Project) -> None:
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    project.taskdisc("clear", "made").assert_ok()
    assert [p for p in (project.path / ".taskdisc" / "objects").rglob("*") if p.is_file()] == []


def test_the_second_copy_is_no_garbage(project: Project) -> None:
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    assert project.taskdisc("verify").exit_code == 0
    assert project.taskdisc("gc").exit_code == 0
    path_of(project, "made").unlink()
    assert project.run("user").assert_ok().ran == []


def test_files_of_an_equal_result_elsewhere_are_equal(project: Project) -> None:
    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    project.taskdisc("clear", "made").assert_ok()
    assert project.run("user").assert_ok().ran == ["made"]


def test_a_symbolic_link_is_neither_changed_nor_kept(project: Project) -> None:
    project.write(
        {"data.txt": "data"},
        tasks_x="""
            from pathlib import Path
            def made(task_dir: Path):
                (task_dir / "link.txt").symlink_to(Path("data.txt").absolute())
                return task_dir / "link.txt"
        """,
    )
    mode = (project.path / "data.txt").stat().st_mode
    project.run("made").assert_ok()
    assert (project.path / "data.txt").stat().st_mode == mode
    assert project.run("made").assert_ok().ran == []
    project.write({"data.txt": "other"})
    assert project.run("made").assert_ok().ran == ["made"]


def test_nothing_is_put_back_outside_the_store(project: Project) -> None:
    """Not even where somebody wrote another path into the index."""
    import sqlite3

    project.write(tasks_x=MADE)
    project.run("user").assert_ok()
    index = sqlite3.connect(project.path / ".taskdisc" / "index.sqlite")
    with index:
        index.execute("""update artifact set files = replace(files, '.taskdisc/dirs', '.taskdisc/dirs/../../out')""")
    index.close()
    assert "made" in project.run("user").assert_ok().ran
    assert not (project.path / "out").exists()


# References


def test_a_path_in_another_result_is_a_reference(project: Project) -> None:
    module = """
        from pathlib import Path
        def made(task_dir: Path):
            (task_dir / "x.txt").write_text("hello")
            return task_dir / "x.txt"
        def refer(made, number: int = {}): return [made]
        def user(refer): return refer[0].read_text()
    """
    project.write(tasks_x=module.format(1))
    assert project.run("user").assert_ok().stdout == "hello\n"
    assert path_of(project, "refer") == path_of(project, "made")
    assert path_of(project, "made").stat().st_nlink == 2
    project.write(tasks_x=module.format(2))
    assert project.run("user").assert_ok().ran == ["refer"]
    path_of(project, "made").unlink()
    assert project.run("user").assert_ok().ran == []


def test_a_path_in_a_setting_is_only_a_name(project: Project) -> None:
    project.write(
        {"a.txt": "1"},
        tasks_x="""
            from pathlib import Path
            def x(path: Path = Path("a.txt")): return path.name
        """,
    )
    assert project.run("x").assert_ok().stdout == "a.txt\n"
    project.write({"a.txt": "2"})
    assert project.run("x").assert_ok().ran == []
    assert project.run("x", "-p", "path=missing.txt").assert_ok().stdout == "missing.txt\n"


# Elsewhere

REPORTS = """
    from pathlib import Path
    from taskdisc import axis
    date = axis("2026-01-01", "2026-01-02")
    def report(date: str):
        path = Path("out/report.html")
        path.parent.mkdir(exist_ok=True)
        path.write_text(date)
        return path
"""


def test_two_instances_that_make_one_file_are_an_error(project: Project) -> None:
    project.write(tasks_x=REPORTS)
    result = project.run("report", "-j", "1")
    assert result.exit_code == 1
    assert sorted(result.outcomes.values()) == ["failed", "succeeded"]
    first, later = sorted(result.outcomes, key=lambda step: result.outcomes[step], reverse=True)
    assert (
        f"FAILED {later} - {later} and {first} both returned out/report.html. "
        "Put the coordinate in the name, or use task_dir."
    ) in result.stderr
    assert result.stderr.count("= FAILURES =") == 1


def test_what_depends_on_a_file_with_two_makers_is_blocked(project: Project) -> None:
    project.write(tasks_x=REPORTS + "    def read(report): return report.read_text()\n")
    result = project.run("read", "-j", "1")
    assert result.counts == {"succeeded": 2, "failed": 1, "blocked": 1}


def test_the_file_of_a_cached_instance_is_not_made_by_another(project: Project) -> None:
    """The cached value names the file, so it would be another one than its own run gave."""
    project.write(tasks_x=REPORTS + "    def read(report): return report.read_text()\n")
    project.run("report[date=2026-01-01]").assert_ok()
    result = project.run("read")
    assert result.outcomes["report[date=2026-01-02]"] == "failed"
    assert "report[date=2026-01-02] and report[date=2026-01-01] both returned out/report.html." in result.stderr
    project.run("report[date=2026-01-02]").assert_ok()


def test_one_instance_may_make_a_file_again(project: Project) -> None:
    project.write(tasks_x=REPORTS)
    project.run("report[date=2026-01-01]").assert_ok()
    project.run("report[date=2026-01-02]").assert_ok()
    assert project.run("report[date=2026-01-01]").assert_ok().ran == ["report[date=2026-01-01]"]
    assert project.read("out/report.html") == "2026-01-01"


@pytest.mark.parametrize("returned", ["made", "Path('y.txt')", "{'y': [made]}"])
def test_a_file_that_is_passed_on_has_one_maker(project: Project, returned: str) -> None:
    project.write(
        tasks_x=f"""
            from pathlib import Path
            from taskdisc import axis
            k = axis(range(20))
            def made():
                Path("y.txt").write_text("y")
                return Path("y.txt").absolute()
            def passed(made, k: int): return {returned}
        """
    )
    assert project.run("passed").assert_ok().counts == {"succeeded": 21}
    assert project.run("passed").assert_ok().ran == []
    (project.path / "y.txt").unlink()
    assert project.run("passed").assert_ok().ran == ["made"]


def test_a_file_that_is_changed_on_its_way_has_two_makers(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def made():
                Path("y.txt").write_text("y")
                return Path("y.txt")
            def more(made):
                before = made.stat().st_ctime_ns
                while made.stat().st_ctime_ns == before:  # a clock of files may tick a hundred times a second only
                    made.write_text("yy")
                return made
        """
    )
    result = project.run("more")
    assert result.outcomes == {"made": "succeeded", "more": "failed"}
    assert "more and made both returned y.txt." in result.stderr


# Texts


@pytest.mark.parametrize("value", ["str(path)", "[{'at': str(path)}]", "os.path.relpath(path)"])
def test_a_text_that_points_below_task_dir_is_warned_of(project: Project, value: str) -> None:
    project.write(
        tasks_x=f"""
            import os
            from pathlib import Path
            def made(task_dir: Path):
                path = task_dir / "x.txt"
                path.write_text("hello")
                return {value}
        """
    )
    warning = "warning: made: the result names '"
    result = project.run("made").assert_ok()
    assert warning in result.stderr
    assert "below task_dir. Return a Path: then the file is kept and tracked with the result." in result.stderr
    assert warning not in project.run("made").assert_ok().stderr


def test_other_texts_are_not_warned_of(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def made(task_dir: Path):
                (task_dir / "x.txt").write_text("hello")
                return "dirs", task_dir.name, task_dir / "x.txt"
        """
    )
    assert "warning" not in project.run("made").assert_ok().stderr
