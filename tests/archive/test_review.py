"""People say what is right, and a training set comes of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pty
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.archive.export import Export, Format
from gateway.archive.record import Mark
from gateway.archive.review import Case, Reviewing, Wanted
from gateway.cli import app
from gateway.settings import ArchiveSettings
from tests.archive.conftest import Kept, archiving, ask
from tests.pictures import example, square
from tests.scripts import scripted
from tests.servers import ROOT

pytestmark = pytest.mark.anyio


async def filled(
    archive: ArchiveSettings, *questions: str, colour: str = "red", answer: str = "It is red."
) -> None:
    async with archiving(archive, scripted(answer)) as client:
        for question in questions:
            await ask(client, square("red"), question)


async def cases(archive: ArchiveSettings, **wanted: Any) -> list[Case]:
    return await Reviewing(Kept(archive).store).cases(Wanted(**wanted))


async def test_a_result_that_many_got_is_reviewed_once(archive: ArchiveSettings) -> None:
    await filled(archive, "Which?", "Which?", "Why?")
    reviewing = Reviewing(Kept(archive).store)
    which = next(case for case in await reviewing.cases(Wanted()) if case.times == 2)
    await reviewing.mark(which, "right", by="ann")
    left = await reviewing.cases(Wanted(marks=(None,)))
    assert [case.result.question for case in left] == ["Why?"]
    (done,) = await reviewing.cases(Wanted(marks=("right",)))
    assert done.review is not None
    assert (done.review.by, done.right_answer) == ("ann", "It is red.")


async def test_results_are_found_by_what_is_known_of_them(archive: ArchiveSettings) -> None:
    async with archiving(archive, scripted("It is red.")) as client:
        reply = await ask(client, square("red"))
        await client.post("/infer", json={"task": "captioning", "images": [square("red")]})
        await client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hello?"}]})
    everything = await cases(archive)
    request_id, digest = reply.json()["request_id"], everything[0].record.result
    for wanted, number in (
        ({"tasks": ("vqa",)}, 1),
        ({"tasks": ("chat", "captioning")}, 2),
        ({"tenant": "nobody"}, 0),
        ({"tenant": "local"}, 3),
        ({"since": date(2999, 1, 1)}, 0),
        ({"until": date(2000, 1, 1)}, 0),
        ({"below": 1.0}, 2),  # a plain chat has no confidence
        ({"below": 0.0001}, 0),
        ({"id": request_id}, 1),
        ({"id": digest[:12]}, 1),
        ({"id": digest[:4]}, 0),
    ):
        assert len(await cases(archive, **wanted)) == number, wanted


async def test_a_correction_of_data_must_be_data(tmp_path: Path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    async with archiving(archive, scripted('{"objects": []}')) as client:
        await client.post("/infer", json={"task": "grounding", "images": [square("red")]})
    (case,) = await cases(archive)
    reviewing = Reviewing(Kept(archive).store)
    wrong: tuple[tuple[Mark, str | None], ...] = (
        ("corrected", "no JSON"), ("corrected", None), ("corrected", " "), ("right", "an answer")
    )  # fmt: skip
    for mark, answer in wrong:
        with pytest.raises(ValueError, match="answer"):
            await reviewing.mark(case, mark, answer)
    await reviewing.mark(case, "corrected", '{"objects": [1]}')
    ((again),) = await cases(archive)
    assert again.right_answer == '{"objects": [1]}'


async def reviewed(archive: ArchiveSettings) -> None:
    """A right answer, a corrected and a wrong one, and one that nobody has looked at."""
    await filled(archive, "Right?", "Corrected?", "Wrong?", "Nobody's?")
    reviewing = Reviewing(Kept(archive).store)
    for case in await reviewing.cases(Wanted()):
        match case.result.question:
            case "Right?":
                await reviewing.mark(case, "right")
            case "Corrected?":
                await reviewing.mark(case, "corrected", "It is crimson.")
            case "Wrong?":
                await reviewing.mark(case, "wrong")


async def export(archive: ArchiveSettings, folder: Path, format: Format) -> tuple[Any, list[dict[str, Any]]]:
    reviewing = Reviewing(Kept(archive).store)
    made = await Export(reviewing, folder, format).write(await reviewing.cases(Wanted()))
    return made, [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("format", ["swift", "llama-factory"])
async def test_the_training_set_holds_what_is_right_with_its_pictures(
    archive: ArchiveSettings, tmp_path: Path, format: Format
) -> None:
    await reviewed(archive)
    made, lines = await export(archive, tmp_path / "set", format)
    assert (made.lines, made.media, made.left_out) == (2, 1, {"wrong, or not reviewed": 2})
    assert [line["messages"][1]["content"] for line in lines] == ["<image>Right?", "<image>Corrected?"]
    assert [line["messages"][-1] for line in lines] == [
        {"role": "assistant", "content": "It is red."},
        {"role": "assistant", "content": "It is crimson."},
    ]
    assert [turn["role"] for turn in lines[0]["messages"]] == ["system", "user", "assistant"]
    (picture,) = lines[0]["images"]
    assert picture.endswith(".png")
    assert (tmp_path / "set" / picture).read_bytes() == base64.b64decode(square("red").partition(",")[2])
    if format == "llama-factory":
        info = json.loads((tmp_path / "set" / "dataset_info.json").read_text())
        assert info["archive"]["file_name"] == "train.jsonl"


async def test_openais_layout_holds_the_pictures_itself(archive: ArchiveSettings, tmp_path: Path) -> None:
    await reviewed(archive)
    _, lines = await export(archive, tmp_path / "set", "openai")
    picture, text = lines[0]["messages"][1]["content"]
    assert picture["image_url"]["url"] == square("red")
    assert text == {"type": "text", "text": "Right?"}


async def test_what_makes_no_line_is_left_out_and_said(tmp_path: Path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    async with archiving(archive, scripted("An answer.")) as client:
        pdf = example("report.pdf", "application/pdf")
        await client.post("/infer", json={"task": "doc_analyze", "images": [pdf]})
        await ask(client, square("red"), "What is <image>?")
    reviewing = Reviewing(Kept(archive).store)
    for case in await reviewing.cases(Wanted()):
        await reviewing.mark(case, "right")
    made, (line,) = await export(archive, tmp_path / "set", "swift")
    assert list(made.left_out) == ["documents: their pages are asked about one by one"]
    assert line["messages"][1]["content"] == "<image>What is < image >?"
    assert len(line["images"]) == 1


@pytest.fixture
def configured(tmp_path: Path) -> tuple[ArchiveSettings, Path]:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"archive: {{url: {tmp_path}/archive}}\n")
    return ArchiveSettings(url=str(tmp_path / "archive")), config


def command(config: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["archive", *words, "--config", str(config)])
    return result.exit_code, result.output


async def test_the_commands_from_an_answer_to_a_training_set(
    configured: tuple[ArchiveSettings, Path], tmp_path: Path
) -> None:
    archive, config = configured
    await filled(archive, "Right?", "Corrected?")

    async def run(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(command, config, *words)

    _, listed = await run("list", "--task", "vqa")
    assert listed.count("It is red.") == 2
    corrected, right = (case.id for case in await cases(archive))
    assert "1 marked right" in (await run("review", "--id", right, "--mark", "right"))[1]
    words = (
        "review",
        "--id",
        corrected,
        "--mark",
        "corrected",
        "--answer",
        "It is crimson.",
        "--note",
        "shade",
    )
    assert (await run(*words))[0] == 0
    assert '"note": "shade"' in (await run("show", corrected))[1]
    status, said = await run("export", "--out", str(tmp_path / "set"))
    assert (status, "2 conversations, 1 media" in said) == (0, True)
    for wrong, why in (
        (("review", "--id", "nothing12345", "--mark", "right"), "no result"),
        (("review", "--id", right), "go together"),
        (("review",), "no terminal"),
        (("review", "--id", right, "--mark", "corrected"), "has an answer"),
        (("list", "--since", "yesterday"), "is no day"),
    ):
        status, said = await run(*wrong)
        assert (status > 0, why in said, "Traceback" in said) == (True, True, False), said
    status, said = await run("delete", "--tenant", "local", "--yes")
    assert "1 originals, 2 results, 2 reviews" in said
    assert await Kept(archive).of("local") == []
    assert (await run("tidy"))[0] == 0
    config.write_text("{}")
    assert "archive.url is none" in (await run("list"))[1]


async def test_one_after_the_other_in_a_terminal(
    configured: tuple[ArchiveSettings, Path], tmp_path: Path
) -> None:
    archive, config = configured
    await filled(archive, "First?", "Second?", "Third?", "Fourth?")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf 'It is crimson.\\n' > \"$1\"\n")
    editor.chmod(0o700)
    shown = await asyncio.to_thread(in_terminal, config, "rcwq", str(editor))
    assert shown.index("Fourth?") < shown.index("Third?") < shown.index("Second?")
    assert ".png" in shown
    assert "3 of 4 reviewed" in shown
    marks = {
        case.result.question: (case.review.mark if case.review else None) for case in await cases(archive)
    }
    assert marks == {"Fourth?": "right", "Third?": "corrected", "Second?": "wrong", "First?": None}
    (corrected,) = await cases(archive, marks=("corrected",))
    assert corrected.right_answer == "It is crimson."


async def test_a_picture_is_shown_under_a_name_that_no_client_has_a_part_in(
    configured: tuple[ArchiveSettings, Path],
) -> None:
    archive, config = configured
    async with archiving(archive) as client:
        reply = await ask(client, square().replace("image/png", "image/x-evil.sh"))
    assert reply.status_code == 200
    (case,) = await cases(archive)
    assert case.result.media[0].mime == "image/x-evil.sh"
    shown = await asyncio.to_thread(in_terminal, config, "q", "true")
    assert f"{(case.result.media[0].original or '')[:16]}.png" in shown
    assert "evil" not in shown


def in_terminal(config: Path, keys: str, editor: str) -> str:
    """What is shown while these keys are pressed, each when it is asked for."""
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "gateway.cli", "archive", "review", "--config", str(config)]
    environment = os.environ | {"EDITOR": editor, "VISUAL": "", "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(words, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown, asked = "", 0
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        shown += data.decode()
        while asked < len(keys) and shown.count("[q]uit") > asked:
            os.write(master, keys[asked].encode())
            asked += 1
    process.wait(20)
    os.close(master)
    return shown
