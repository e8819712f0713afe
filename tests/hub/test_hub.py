"""On the hub: log in, run a lesson, fetch, solve, hand in, collect, grade, and read the feedback.

The oracles are JupyterHub, JupyterLab's own server and nbgrader: everything goes through their addresses.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from course_lib.exercises.assignments.exercise_cells import exercise_cells

from .conftest import STUDENTS, TEACHER, Hub, User

COURSE, HOMEWORK, ASKED = "image-classifiers", "hw1", "06_iou"


async def _run(user: User, sources: list[str]) -> list[str]:
    """Run cells one after the other in a new kernel of the user's; what they printed. The first error ends it."""
    kernel = user.post("api/kernels", {"name": "python3"}).json()["id"]
    address = f"{user.server.replace('http', 'ws')}/api/kernels/{kernel}/channels"
    channel = await websocket_connect(HTTPRequest(address, headers=dict(user.session.headers.items())))
    said = []
    try:
        for source in sources:
            key, text = uuid.uuid4().hex, ""
            content = {
                "code": source,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
            }
            header = {
                "msg_id": key,
                "username": user.name,
                "session": kernel,
                "msg_type": "execute_request",
                "version": "5.3",
            }
            request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            await channel.write_message(json.dumps(request))
            replied = idle = False
            while not (replied and idle):
                received = await asyncio.wait_for(channel.read_message(), 300)  # type: ignore[arg-type]
                if not isinstance(received, str):  # a widget's picture
                    assert received is not None, "the kernel has gone"
                    continue
                message = json.loads(received)
                if message["parent_header"].get("msg_id") != key:
                    continue
                kind, content = message["msg_type"], message["content"]
                text += content["text"] if kind == "stream" else ""
                assert kind != "error", f"{source}\n{content['ename']}: {content['evalue']}"
                replied |= kind == "execute_reply"
                idle |= kind == "status" and content["execution_state"] == "idle"
            said.append(text)
    finally:
        channel.close()
        user.session.delete(f"{user.server}/api/kernels/{kernel}", timeout=60)
    return said


def run(user: User, *sources: str) -> list[str]:
    return asyncio.run(_run(user, list(sources)))


def command(user: User, line: str) -> str:
    """A line in the teacher's terminal, in the course's folder; it must succeed."""
    source = (
        "import pathlib, subprocess\nhome = pathlib.Path.home() / 'course'\nhome.mkdir(exist_ok=True)\n"
        f"done = subprocess.run({line!r}, shell=True, cwd=home, text=True, stdout=-1, stderr=subprocess.STDOUT)\n"
        "print(done.stdout)\nassert done.returncode == 0, done.stdout[-3000:]"
    )
    return run(user, source)[0]


@pytest.fixture(scope="module")
def users(hub: Hub) -> dict[str, User]:
    names = (TEACHER, *STUDENTS)
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(hub.log_in, names), strict=True))


def test_a_student_has_the_lessons_and_runs_the_first_one(users: dict[str, User]) -> None:
    student = users[STUDENTS[0]]
    lesson = student.get("api/contents/lessons/00_start_here.ipynb").json()["content"]
    cells = [cell["source"] for cell in lesson["cells"] if cell["cell_type"] == "code"]
    run(student, "import os; os.chdir('lessons')", *cells)


def test_what_a_student_changed_is_still_there_at_the_next_login(hub: Hub, users: dict[str, User]) -> None:
    student = users[STUDENTS[0]]
    place = "api/contents/lessons/00_start_here.ipynb"
    lesson = student.get(place).json()
    lesson["content"]["cells"][0]["source"] = "# mine"
    student.put(place, {"type": "notebook", "format": "json", "content": lesson["content"]})
    user = f"{hub.address}/hub/api/users/{student.name}"
    assert student.session.delete(f"{user}/server", timeout=120).ok
    again = users[STUDENTS[0]] = hub.log_in(student.name)
    assert again.get(place).json()["content"]["cells"][0]["source"] == "# mine"


def test_nobody_reaches_anybody_elses_server(users: dict[str, User]) -> None:
    ana, bo = users[STUDENTS[0]], users[STUDENTS[1]]
    assert ana.session.get(f"{bo.server}/api/contents", timeout=60, allow_redirects=False).status_code in (302, 403)


def test_a_process_that_wants_too_much_memory_ends_alone(users: dict[str, User]) -> None:
    said = run(
        users[STUDENTS[1]], "try:\n    bytearray(8 * 2**30)\nexcept MemoryError:\n    print('refused')", "print(1 + 1)"
    )
    assert said == ["refused\n", "2\n"]


def test_a_homework_from_release_to_feedback(users: dict[str, User], accounts: Path) -> None:
    teacher = users[TEACHER]
    command(teacher, f"python -m course_lib assign {HOMEWORK} --exercises {ASKED} --seed 7 --notebooks ../lessons")
    command(teacher, f"nbgrader generate_assignment {HOMEWORK} --create && nbgrader release_assignment {HOMEWORK}")
    asked = {"course_id": COURSE, "assignment_id": HOMEWORK}
    cell = exercise_cells()[ASKED]
    answers = {STUDENTS[0]: cell.exercise.solution().words, STUDENTS[1]: "def iou(box, truth):\n    return 1.0"}
    for name in STUDENTS:
        student = users[name]
        found = student.get(f"assignments?course_id={COURSE}").json()["value"]
        assert [entry["assignment_id"] for entry in found] == [HOMEWORK]
        student.post("assignments/fetch", asked)
        place = f"api/contents/{HOMEWORK}/{HOMEWORK}.ipynb"
        book: dict[str, Any] = student.get(place).json()["content"]
        [answer] = [c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == f"{ASKED}-answer"]
        if name in answers:
            answer["source"] = f"{answers[name]}\n\n{answer['source'].splitlines()[-1]}"
        student.put(place, {"type": "notebook", "format": "json", "content": book})
        student.post("assignments/submit", asked)
    command(teacher, f"nbgrader collect {HOMEWORK} && nbgrader autograde {HOMEWORK}")
    command(teacher, f"nbgrader generate_feedback {HOMEWORK} && nbgrader release_feedback {HOMEWORK}")
    command(teacher, "nbgrader export")
    marks = csv.DictReader(io.StringIO((accounts / TEACHER / "course" / "grades.csv").read_text()))
    points = cell.exercise.points
    assert {row["student_id"]: float(row["score"]) for row in marks} == dict(zip(STUDENTS, (points, 0, 0), strict=True))
    for name in STUDENTS:
        users[name].post("assignments/fetch_feedback", asked)
        feedback = list((accounts / name / HOMEWORK / "feedback").rglob("*.html"))
        assert len(feedback) == 1 and ASKED in feedback[0].read_text()
