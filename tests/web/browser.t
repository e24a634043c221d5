#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# The page of `ring3 web` in headless Chromium, with a lab that has traffic. With RING3_WEB_PICTURE=FILE it keeps the picture
# that docs/web.md has: RING3_WEB_PICTURE=docs/web.png ./test web/browser
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import browser
from weblib import *
from lablib import RING3, end as end_lab, ring3, states

if not have_server():
    skip_all("host: libwebsockets-dev is not installed, so there is no ring3-web")
if not browser.program():
    skip_all("host: Chromium is not installed")
if not os.path.exists("/usr/share/nodejs/xterm/lib/public/Terminal.js"):
    skip_all("host: node-xterm is not installed")

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab.yaml")
NASTY = "<img src=x onerror=document.title=1><b>bold</b>"

r = ring3("up", "--name", "firm", LAB)
ok(r.returncode == 0, "a lab of four machines", r.stdout, r.stderr)
r = ring3("run", "-d", "--name", "nasty", "--mem", "128M", "--net", "none", "--", "sh", "-c", "sleep 1000", NASTY)
ok(r.returncode == 0, "and a machine with markup for words", r.stderr)
for name, where in (("alice", "10.2.0.2"), ("bob", "10.2.0.2"), ("web", "10.1.0.1")):
    ring3("exec", "-T", f"firm.{name}", "--", "sh", "-c", f"ping -i 0.2 -s 1200 {where} > /dev/null 2>&1 &")

server = Server(RING3)
page = browser.Browser(os.path.join(TMP, "chromium"))
try:
    page.open(server.url)
    same(page.until("document.querySelectorAll('#map .machine').length === 5 && document.querySelectorAll('#map .net').length"), 2, "machines and networks are drawn")
    same(page.run("document.querySelectorAll('#map .wire').length"), 5, "and links")
    ok(page.until("[...document.querySelectorAll('#map .rate')].filter(e => /bit/.test(e.textContent)).length === 5"), "each shows its traffic",
       page.run("document.querySelector('#map').textContent"))
    same(page.run("[...document.querySelectorAll('#map .node, #map .wire')].every(e => e.getAttribute('aria-label') && e.tabIndex === 0)"), True,
         "all can be reached by keyboard, and have a text")
    overlap = page.run("""(() => { const all = [...document.querySelectorAll('#map .node .box')].map(e => e.getBoundingClientRect());
        return all.some((a, i) => all.some((b, k) => k > i && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)); })()""")
    same(overlap, False, "none lies on another")

    # By keyboard.
    page.run("[...document.querySelectorAll('#map .machine')].find(e => /router/.test(e.textContent)).focus()")
    page.type("\n")
    same(page.until("document.querySelector('#panel h2').textContent === 'firm.router' && document.activeElement.id"), "panel", "Enter on a machine shows it")
    ok(page.until("/10\\.1\\.0\\.1/.test(document.querySelector('#panel').textContent)"), "with its addresses")
    page.run("[...document.querySelectorAll('#panel button')].find(e => e.textContent === 'Shell').click()")
    ok(page.until("document.querySelector('.screen .xterm-rows, .screen canvas') !== null && terms[0].ws.readyState === 1"), "a terminal of xterm.js")
    line = "Array.from({length: terms[0].term._core.buffer.lines.length}, (_, i) => terms[0].term._core.buffer.translateBufferLineToString(i, true)).join('\\n')"
    ok(page.until(f"/#/.test({line})"), "with a prompt", page.run(line))
    page.type("echo $((6 * 7))x; ip -br addr\n")
    ok(page.until(f"/42x/.test({line}) && /eth1/.test({line})"), "and the keys go to the guest", page.run(line))
    time.sleep(4)
    if os.environ.get("RING3_WEB_PICTURE"):
        page.run("$('lab').value = 'firm'; $('lab').dispatchEvent(new Event('change')); select('m/firm.router')")
        time.sleep(40)
        print(f"# {page.picture(os.environ['RING3_WEB_PICTURE'])} bytes")
        page.run("$('lab').value = ''; $('lab').dispatchEvent(new Event('change'))")

    # Words of a guest are words.
    page.run("select('m/nasty')")
    ok(page.until(f"[...document.querySelectorAll('#panel dd')].some(e => e.textContent.includes({json.dumps(NASTY)}))"), "markup in words is shown as words",
       page.run("document.querySelector('#panel').textContent"))
    same(page.run("document.querySelectorAll('img, b').length + document.title"), "0ring3", "and is none")

    # A link, a capture.
    page.run("select([...world.links.values()].find(l => l.machine && l.machine.name === 'firm.web').id)")
    ok(page.until("/delay 10 ms/.test(document.querySelector('#panel').textContent)"), "a link tells of its cable", page.run("document.querySelector('#panel').textContent"))
    page.run("[...document.querySelectorAll('#panel button')].find(e => /^Capture/.test(e.textContent)).click()")
    ok(page.until("world.captures.length === 1 && world.captures[0].bytes > 1000"), "a capture grows", page.run("JSON.stringify(world.captures)"))
    page.run("[...document.querySelectorAll('#panel button')].find(e => e.textContent === 'Stop').click()")
    href = page.until("!world.captures[0].running && [...document.querySelectorAll('#panel a')].find(e => !e.hidden)?.getAttribute('href')")
    status, headers, body = server.ask(href or "?")
    ok(status == 200 and body[:4] == b"\x0a\x0d\x0d\x0a" and "attachment" in headers["content-disposition"], "and is downloaded as pcapng", status, headers, body[:20])
    page.run("[...document.querySelectorAll('#panel button')].find(e => e.textContent === 'Remove').click()")
    ok(page.until("world.captures.length === 0"), "and removed")

    # A monitor that is stopped: its `ring3 run` answers, so the machine has a state, but no statistics.
    monitor = [json.loads(line) for line in ring3("ps", "--json").stdout.splitlines() if '"firm.alice"' in line][0]["monitor"]
    os.kill(monitor, signal.SIGSTOP)
    ok(wait_until(lambda: "use" not in server.state()["machines"]["firm.alice"]), "a monitor that does not answer has no statistics")
    same(server.state()["machines"]["firm.alice"]["state"], "running", "its machine has a state")
    os.kill(monitor, signal.SIGCONT)

    # Stop: asked for twice.
    page.run("select('m/firm.bob')")
    stop = "[...document.querySelectorAll('#panel button')].find(e => /^(Stop|Really)/.test(e.textContent) && !e.hidden)"
    page.until(stop + " !== undefined")
    page.run(stop + ".click()")
    same((page.run(stop + ".textContent"), states("firm")["bob"]), ("Really?", "running"), "Stop asks once more")
    page.run(stop + ".click()")
    ok(page.until("/^ended/.test(document.querySelector('#panel .state').textContent)", 60), "and stops it")
    ok(page.until("document.querySelector('#map .wire.down') !== null"), "its link is drawn as down")
    page.dark(True)
    time.sleep(0.3)
    same(page.run("getComputedStyle(document.body).backgroundColor"), "rgb(15, 19, 23)", "dark, where that is asked for")
    if os.environ.get("RING3_WEB_PICTURE"):
        page.picture(os.environ["RING3_WEB_PICTURE"] + ".dark.png")
    bad = [line for line in page.log if not line.startswith("warning: Canvas2D")]
    same(bad, [], "no error, and nothing that the content security policy had to refuse")
    server.end()
    ok(page.until("document.querySelector('#link').className === 'lost'"), "the page says that the server has ended")
finally:
    page.end()
    server.end()
    end_lab()
done()
