# SPDX-License-Identifier: GPL-2.0-or-later
"""Headless Chromium by its DevTools protocol, without libraries: a page, what it logs, what a script in it says, pictures of it."""
import base64
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

from weblib import WebSocket


class Raw(WebSocket):
    """A WebSocket at an address that somebody else has made."""

    def __init__(self, url):
        m = re.match(r"ws://([^:/]+):(\d+)/(.*)", url)

        class Where:
            host, token = f"{m[1]}:{m[2]}", m[3].split("/")[0]

            @staticmethod
            def connect():
                import socket
                return socket.create_connection((m[1], int(m[2])), timeout=60)

        super().__init__(Where, m[3].partition("/")[2], "", headers={"Sec-WebSocket-Protocol": None})


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    def __init__(self, folder, size=(1440, 880), dark=False):
        self.proc = subprocess.Popen(
            [program(), "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", "--no-first-run", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-sandbox", "--hide-scrollbars", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--mute-audio", "--proxy-server=direct://", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder})
        url = None
        for line in self.proc.stderr:
            m = re.search(rb"DevTools listening on (ws://\S+)", line)
            if m:
                url = m[1].decode()
                break
        if not url:
            raise RuntimeError("Chromium does not start")
        self.ws = Raw(url)
        self.last = 0
        self.log = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
        self.dark(dark)

    def dark(self, on):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def ask(self, method, **params):
        self.last += 1
        m = {"id": self.last, "method": method, "params": params}
        if getattr(self, "session", None):
            m["sessionId"] = self.session
        self.ws.send(json.dumps(m))
        while True:
            got = self.ws.receive()
            if got is None:
                raise RuntimeError("Chromium has ended")
            got = json.loads(got[1])
            if got.get("id") == self.last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.keep(got)

    def keep(self, event):
        p = event.get("params", {})
        if event.get("method") == "Log.entryAdded":
            self.log.append(f"{p['entry']['level']}: {p['entry']['text']} {p['entry'].get('url', '')}")
        elif event.get("method") == "Runtime.exceptionThrown":
            d = p["exceptionDetails"]
            self.log.append("error: " + d.get("exception", {}).get("description", d["text"]))
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.log.append(p["type"] + ": " + " ".join(str(a.get("value")) for a in p["args"]))

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression in the page."""
        r = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError(r["exceptionDetails"].get("exception", {}).get("description", "?"))
        return r["result"].get("value")

    def until(self, script, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            v = self.run(script)
            if v:
                return v
            time.sleep(0.1)
        return None

    def type(self, text):
        for c in text:
            if c == "\n":
                for kind in ("keyDown", "keyUp"):
                    self.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "")
            else:
                self.ask("Input.dispatchKeyEvent", type="char", text=c)

    def picture(self, path):
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        with open(path, "wb") as f:
            f.write(data)
        return len(data)

    def end(self):
        try:
            self.session = None
            self.ask("Browser.close")
        except Exception:
            pass
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stderr.close()
