"""A real browser, headless, that opens a page, takes keys and saves files: Chromium, spoken to over a pipe (its DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next((found for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (found := shutil.which(name))), None)
PATIENCE_S = 60.0
_CODES = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8}


class Tab:
    """One page."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.sender, self.receiver, self.number, self.session, self.rest = to_browser, from_browser, 0, None, b""
        self.refused: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; what the page logs as an error meanwhile is kept in `refused`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **({"sessionId": self.session} if self.session else {})}
        os.write(self.sender, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            entry = answer.get("params", {}).get("entry", {})
            if answer.get("method") == "Runtime.exceptionThrown" or entry.get("level") == "error":
                self.refused.append(json.dumps(answer["params"]))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.receiver], [], [], PATIENCE_S)
            assert ready, "the browser says nothing"
            piece = os.read(self.receiver, 1 << 16)
            assert piece, "the browser has ended"
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Return the value of an expression once it is true."""
        end = time.monotonic() + PATIENCE_S
        while not (found := self.value(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)
        return found

    def press(self, key: str) -> None:
        """Press a key, as a person would."""
        text = {"text": key} if len(key) == 1 else {}
        code = _CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def picture(self, file: Path) -> None:
        """Save what the page looks like as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def tab(folder: Path) -> Iterator[Tab]:
    """Yield a page of a browser without a network; what it saves goes to `folder`."""
    assert PROGRAM is not None
    read_here, write_there = os.pipe()
    read_there, write_here = os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--window-size=1280,800", "--no-first-run"]
    command = [PROGRAM, *options, f"--user-data-dir={folder / 'profile'}", "--proxy-server=127.0.0.1:9"]  # nothing listens there
    # The browser reads from descriptor 3 and writes to 4: the shell puts the pipes there.
    script = f'exec "$@" 3<&{read_there} 4>&{write_there}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command], pass_fds=(read_there, write_there), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(read_there)
    os.close(write_there)
    try:
        page = Tab(write_here, read_here)
        session, page.session = page.session, None
        page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        page.session = session
        yield page
    finally:
        os.close(write_here)
        os.close(read_here)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
