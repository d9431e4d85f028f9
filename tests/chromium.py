"""A headless Chromium at the other end of two pipes: as much of its DevTools protocol as the tests of pages need."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 60.0
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROGRAM = next((path for name in _NAMES if (path := shutil.which(name))), None)
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--disable-features=BackForwardCache", "--window-size=1280,800",
)  # fmt: skip
_CODES = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8}


class Chromium:
    """One page of a browser that reaches no network. Use it with `with`.

    Parameters
    ----------
    downloads : Path, optional
        Folder for the files that the page saves.
    """

    def __init__(self, downloads: Path | None = None) -> None:
        assert PROGRAM is not None
        self._profile = tempfile.mkdtemp()
        (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()
        command = [PROGRAM, *_OPTIONS, f"--user-data-dir={self._profile}"]
        # The browser reads its orders from descriptor 3 and answers on 4.
        line = f'exec 3<&{to_read} 4>&{from_write}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", line, "bash", *command], pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(from_write)
        self._out, self._in = os.fdopen(to_write, "wb", 0), os.fdopen(from_read, "rb", 0)
        self._number, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        if downloads is not None:
            self._call("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Performance", "Network", "Runtime", "Log"):
            self.order(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE_S)
            piece = self._in.read(1 << 16) if ready else b""
            if not piece:
                raise RuntimeError("the browser ended" if ready else "the browser says nothing")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _call(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def order(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what the page answers to one order of the protocol."""
        return self._call(method, params, self._session)

    def wait(self, name: str) -> None:
        """Wait until an event of this name arrives."""
        while not any(event.get("method") == name for event in self.events):
            self.events.append(self._read())

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Set the window's size, CSS px."""
        self.order("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def open(self, page: Path) -> None:
        """Open a file and wait until it is loaded and painted twice; events are those since then."""
        self.events.clear()
        self.order("Page.navigate", url=page.resolve().as_uri())
        self.wait("Page.loadEventFired")
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, code: str) -> Any:
        """Return the value of a JavaScript expression in the page; a promise is waited for."""
        answer = self.order("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def until(self, code: str) -> Any:
        """Return the value of a JavaScript expression once it is true."""
        end = time.monotonic() + PATIENCE_S
        while not (found := self.run(code)):
            assert time.monotonic() < end, f"never true: {code}"
            time.sleep(0.02)
        return found

    def press(self, key: str) -> None:
        """Press a key, as a person would."""
        text = {"text": key} if len(key) == 1 else {}
        code = _CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.order("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.order("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def picture(self, file: Path) -> None:
        """Save what the page looks like as PNG."""
        file.write_bytes(base64.b64decode(self.order("Page.captureScreenshot")["data"]))

    def faults(self) -> list[dict[str, Any]]:
        """Return the exceptions of the page since it was opened, and what its console calls errors, such as what its policy refuses."""
        return [
            event["params"]
            for event in self.events
            if event.get("method") == "Runtime.exceptionThrown" or event.get("params", {}).get("entry", {}).get("level") == "error"
        ]

    def processor_time(self) -> float:
        """Return the processor time of the page's process, s."""
        metrics = {entry["name"]: entry["value"] for entry in self.order("Performance.getMetrics")["metrics"]}
        return float(metrics["ProcessTime"])

    def memory(self) -> float:
        """Return what the page's process has of memory for itself, MB (Linux): the browser's task manager calls it memory footprint."""
        processes = self._call("SystemInfo.getProcessInfo", {})["processInfo"]
        return max(_footprint(entry["id"]) for entry in processes if entry["type"] == "renderer")

    def close(self) -> None:
        """End the browser and remove what it wrote."""
        try:
            self._call("Browser.close", {})
            self._process.wait(timeout=20)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._in.close()
        shutil.rmtree(self._profile, ignore_errors=True)


def _footprint(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return sum(float(line.split()[1]) * 1.024e-3 for line in lines if line.startswith(("RssAnon:", "VmSwap:")))
