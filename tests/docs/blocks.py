"""The code blocks of a page of Markdown, and how each is run.

A comment before a block says what is special about it; parts are joined by ";", and a reason stands last:

    <!-- block: slow -->                     it takes more than a few seconds: the page runs with the whole suite, not with `make check`
    <!-- block: file plan.toml -->           it is the contents of a file of that name
    <!-- block: exit 1 or 3 -->              the last command ends with one of these codes, not with 0
    <!-- block: not run: needs a GPU -->     it cannot run here, for this reason
"""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import os
import re
import socket
import subprocess
import sys
import tempfile
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from sigmaraw.cli import main

PARSER = MarkdownIt("commonmark").enable("table")
MARK = re.compile(r"<!-- block: (.+?) -->")
MODULE = "page_of_the_docs"
LANGUAGES = {"python", "sh", "toml", "text"}
FEW, FEW_IMAGES = 8, 4
DIRECTIVE = re.compile(r"\{[a-z-]+\}.*")  # MyST, not a block of code


@dataclass(frozen=True)
class Block:
    """A fenced block: the line of its fence, language and text; `marks` from the comment before it."""

    line: int
    language: str
    text: str
    marks: dict[str, str]


def blocks(page: Path) -> list[Block]:
    """Return the page's blocks in order; an indented block has the language "indented"."""
    found, marks = [], {}
    for token in PARSER.parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block":
            marks = marks_of(token.content)
        elif token.type in ("fence", "code_block"):
            language = token.info.strip() if token.type == "fence" else "indented"
            if not DIRECTIVE.fullmatch(language):
                found.append(Block(token.map[0] + 1, language, token.content, marks))
            marks = {}
        elif token.nesting >= 0 and token.type != "inline":
            marks = {}
    return found


def marks_of(comment: str) -> dict[str, str]:
    """Return the parts of a comment before a block: kind → the rest."""
    marks = {}
    text, _, reason = " ".join(MARK.findall(comment)).partition("not run:")
    if reason:
        marks["not run"] = reason.strip()
    for part in (part.strip() for part in text.split(";") if part.strip()):
        kind, value = next(((kind, part.removeprefix(kind)) for kind in ("file", "exit", "slow") if part.startswith(kind)), ("", ""))
        if not kind:
            raise ValueError(f"a block's comment says '{part}'; expected slow, file NAME, exit CODES or not run: REASON")
        marks[kind] = value.strip()
    return marks


class Reader:
    """Does what a page says, block by block, in one folder and one Python namespace."""

    def __init__(self, folder: Path, page: str) -> None:
        self.folder, self.page = folder, page
        self.module = sys.modules[MODULE] = types.ModuleType(MODULE)  # a module, so that what blocks define can be pickled
        self.namespace: dict[str, Any] = vars(self.module)

    def run(self, block: Block) -> None:
        """Run one block, or write the file that it is."""
        if "file" in block.marks:
            path = self.folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_plan_with_few_replicas(block), encoding="utf-8")
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "sh" and "file" in block.marks:
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
        elif "not run" in block.marks or "file" in block.marks:
            return
        elif block.language == "python":
            self._python(block)
        elif block.language == "sh":
            self._shell(block)

    def _python(self, block: Block) -> None:
        name = f"<{self.page}:{block.line}>"
        linecache.cache[name] = (len(block.text), None, block.text.splitlines(keepends=True), name)  # for inspect.getsource
        exec(compile(block.text, name, "exec"), self.namespace)  # noqa: S102 - the project's own pages

    def _shell(self, block: Block) -> None:
        """Let bash take the block apart; where it holds nothing but sigmaraw, this process runs the commands: imports are slow."""
        commands = [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")]
        *earlier, last = [(0,)] * len(commands[:-1]) + [tuple(map(int, re.findall(r"\d+", block.marks.get("exit", "0"))))]
        if not all(command.split()[0] == "sigmaraw" for command in commands):
            code = in_bash(block.text, self.folder)
            assert code in last, f"{self.page}:{block.line} ended with {code}"
            return
        calls = self._arguments(block.text)
        assert len(calls) == len(commands)
        for arguments, codes in zip(calls, [*earlier, last], strict=True):
            code = called(with_few_replicas(arguments))
            assert code in codes, f"{self.page}:{block.line}: `sigmaraw {' '.join(arguments)}` ended with {code}"

    def _arguments(self, text: str) -> list[list[str]]:
        """Return the arguments of each call of sigmaraw, as bash sees them."""
        script = "sigmaraw() { printf '%s\\0' \"$@\" $'\\n'; }\n" + text
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, capture_output=True, text=True, check=True)
        return [call.split("\0")[:-1] for call in done.stdout.split("\n\0")[:-1]]


CLIENT = """#!{python} -IS
import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
with asked.makefile("rw") as stream:
    print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]), file=stream, flush=True)
    code, out, err = json.loads(stream.readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


def in_bash(text: str, folder: Path) -> int:
    """Return bash's exit code for a script; its calls of sigmaraw, and of scripts that it starts, are done by this process."""
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as calls:
        calls.bind(address := f"{place}/calls")
        calls.listen()
        calls.settimeout(0.02)
        command = Path(place) / "sigmaraw"
        command.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
        command.chmod(0o755)
        environment = {**os.environ, "PATH": os.pathsep.join((place, str(Path(sys.executable).parent), os.environ["PATH"]))}
        with subprocess.Popen(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment) as bash:
            while bash.poll() is None:
                with contextlib.suppress(TimeoutError):
                    _answer(calls.accept()[0])
    return bash.returncode


def _answer(call: socket.socket) -> None:
    """Run the command line that a script called, in the script's folder and with its variables, and hand back what it printed."""
    call.settimeout(None)
    with call, call.makefile("rw") as stream:
        arguments, folder, variables = json.loads(stream.readline())
        before, place = dict(os.environ), Path.cwd()
        out, err = io.StringIO(), io.StringIO()
        try:
            os.environ.clear()
            os.environ.update(variables)
            os.chdir(folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = called(with_few_replicas(arguments))
        finally:
            os.chdir(place)
            os.environ.clear()
            os.environ.update(before)
        print(json.dumps([code, out.getvalue(), err.getvalue()]), file=stream, flush=True)


def _plan_with_few_replicas(block: Block) -> str:
    """Return a file's text; a plan's number of replicas is at most `FEW`, as on the command line."""
    if block.language != "toml":
        return block.text
    return re.sub(r"^n = (\d+)\b", lambda found: f"n = {min(FEW, int(found[1]))}", block.text, flags=re.MULTILINE)


def with_few_replicas(arguments: list[str]) -> list[str]:
    """Return the arguments of a study with `FEW` replicas in place of more: that a page's commands work is tested, not their figures.

    Where replicas are added until σ_raw is known to 5 %, they are until it is known to 20 %. A search has four of its images.
    """
    if arguments[:1] == ["search"]:
        options = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
        arguments = [*arguments[: min(options, 1 + FEW_IMAGES)], *arguments[options:]]
    if not arguments or arguments[0] not in ("validate", "sweep", "search", "demo") or "--plan" in arguments or "--resume" in arguments:
        return arguments
    if "-n" not in arguments:
        drawn = not any(argument == "none" or argument.startswith("repeats") for argument in arguments)  # else n is that of the files
        return [*arguments, "-n", str(FEW)] if drawn else arguments
    place = arguments.index("-n") + 1
    if arguments[place].startswith("auto:0.05"):
        return [*arguments[:place], arguments[place].replace("0.05", "0.2", 1), *arguments[place + 1 :]]
    more = arguments[place].isdecimal() and int(arguments[place]) > FEW
    return [*arguments[:place], str(FEW), *arguments[place + 1 :]] if more else arguments


def called(arguments: list[str]) -> int:
    """Return the exit code of the command line with these arguments, run in this process."""
    try:
        main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    raise AssertionError("the command line returned instead of exiting")
