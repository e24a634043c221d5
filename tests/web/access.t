#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# Who may speak with `ring3 web`, what it lets a browser do, and what broken clients cost others.
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "machines"))
from weblib import *
from machineslib import *

if not have_server():
    skip_all("host: libwebsockets-dev is not installed, so there is no ring3-web")


def refused(*args, status=125):
    r = run("web", *args)
    return r.returncode == status and r.stderr.decode()


# Words.
for args, why in ((["x"], "unexpected word x"), (["--listen", "99999"], "65535"), (["--listen", "nowhere:80"], "nowhere is not an address"),
                  (["--listen", "[::1:80"], "is not an address"), (["--host", "a:80"], "without a port")):
    said = refused(*args)
    ok(said and why in said and said.count("\n") == 1, f"{' '.join(args)}: {why}", said)
r = run("web", env={**os.environ, "RING3_BIN": TMP})
ok(r.returncode == 125 and b"ring3-web" in r.stderr, "without the server a sentence says so", r)

s = Server(FAKE)
ok(s.address == "127.0.0.1" and s.port > 1023, "127.0.0.1 and a free port, without options", s.url)
same(os.readlink(f"/proc/{s.proc.pid}/exe").split("/")[-1], "ring3-web", "ring3 web becomes the server")
r = run("web", "--listen", str(s.port))
ok(r.returncode == 125 and b"is taken" in r.stderr, "a port that is taken", r)
t = Server(FAKE)
ok(t.token != s.token, "each has a token of its own")
same(t.end(), 0, "SIGTERM ends it with 0")

# The token.
status, headers, body = s.ask()
ok(status == 200 and b"<title>ring3</title>" in body, "the page", status, headers)
wrong = ("0" if s.token[0] != "0" else "1") + s.token[1:]
for what, raw in (("without a token", "/"), ("a file without a token", "/page.js"), ("the state without a token", "/state.json"),
                  ("a wrong token", f"/{wrong}/"), ("another wrong token", f"/{s.token[:-1]}g/"), ("a part of it", f"/{s.token[:-1]}/"),
                  ("more than it", f"/{s.token}a/"), ("nothing behind it", f"/{s.token}"), ("the token as an argument", f"/?token={s.token}"),
                  ("dots", f"/{wrong}/../{s.token[:-1]}/"), ("a capture without a token", "/capture/1")):
    status, h, b = s.ask(raw=raw)
    ok(status == 403 and s.token.encode() not in b and b"<html" not in b, f"{what}: 403", status, b[:200])
same(s.ask("nothing")[0], 404, "a page that is none: 404")
same(s.ask("capture/1")[0], 404, "a capture that is none")
same(s.ask("capture/../../etc/passwd")[0] in (403, 404), True, "a path is none")
for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
    status, h, b = s.ask(method=method)
    ok(status != 200 and "access-control-allow-origin" not in h, f"{method} is not served", status, h)

# Names, and pages of others.
for host in ("evil.example", f"evil.example:{s.port}", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1:80:evil", "[::2]", "127.0.0.2",
             "", "127.0.0.1@evil.example", "127.1", "[::1"):
    same(s.ask(headers={"Host": host})[0] in (400, 403), True, f"Host {host!r} is refused")
same(s.ask(headers={"Host": None})[0] in (400, 403), True, "no Host")
for host in (f"localhost:{s.port}", "localhost", "LOCALHOST:8080", "[::1]:80"):
    same(s.ask(headers={"Host": host})[0], 200, f"Host {host}: a port may be another, behind ssh -L")
for origin in ("http://evil.example", f"http://127.0.0.1:{s.port + 1}", "null", f"http://localhost:{s.port}", f"http://{s.host}.evil.example", f"http://{s.host}/"):
    same(s.ask("state.json", headers={"Origin": origin})[0], 403, f"Origin {origin} is refused")
same(s.ask("state.json", headers={"Origin": f"http://{s.host}"})[0], 200, "its own origin is not")
for site in ("cross-site", "same-site"):
    same(s.ask("state.json", headers={"Sec-Fetch-Site": site})[0], 403, f"Sec-Fetch-Site: {site} is refused")
same(s.ask("state.json", headers={"Sec-Fetch-Site": "same-origin"})[0], 200, "same-origin is not")
same(s.ask("", headers={"Sec-Fetch-Site": "cross-site"})[0], 200, "a link to the page may be anywhere")

# What a browser is told.
status, h, body = s.ask()
csp = h.get("content-security-policy", "")
ok("default-src 'none'" in csp and "script-src 'self'" in csp and "frame-ancestors 'none'" in csp and "unsafe" not in csp and "*" not in csp,
   "a strict content security policy", csp)
same((h.get("x-content-type-options"), h.get("referrer-policy"), h.get("cache-control"), h.get("cross-origin-resource-policy")),
     ("nosniff", "no-referrer", "no-store", "same-origin"), "no sniffing, no referrer, no cache, no use by others")
ok("set-cookie" not in h and not any(k.startswith("access-control") for k in h), "no cookies, no CORS", h)
ok(b"//" not in body.replace(b"<!doctype", b"").replace(b"</", b"") and b"http:" not in body, "nothing is from elsewhere", body)
for path, kind in (("style.css", "text/css"), ("world.js", "text/javascript"), ("terms.js", "text/javascript"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
    status, h, b = s.ask(path)
    ok(status == 200 and h["content-type"].startswith(kind) and int(h["content-length"]) == len(b) and "content-security-policy" in h, path, status, h)
js = "".join(s.ask(f"{part}.js")[2].decode() for part in ("world", "picture", "panel", "terms", "page"))
same([w for w in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "new Function", "localStorage", "http://", "https://")
      if w in js.replace("http://www.w3.org/2000/svg", "")], [], "the script makes no markup of text, and asks nobody else")

# WebSockets are checked in the same way.
for protocol, path in (("ring3-live", "live"), ("ring3-term", "term?kind=shell&machine=a")):
    same(WebSocket(s, path, protocol).status, 101, f"{protocol} with the token")
    same(WebSocket(s, path, protocol, headers={"Origin": f"http://{s.host}"}).status, 101, f"{protocol} of its own origin")
    same(WebSocket(s, path, protocol, token=wrong).status, 403, f"{protocol} with a wrong one")
    same(WebSocket(s, path, protocol, headers={"Origin": "http://evil.example"}).status, 403, f"{protocol} of a page of others")
    same(WebSocket(s, path, protocol, headers={"Host": "evil.example"}).status, 403, f"{protocol} by another name")
    same(WebSocket(s, path, protocol, headers={"Sec-Fetch-Site": "cross-site"}).status, 403, f"{protocol} across sites")
    same(WebSocket(s, "other", protocol).status != 101, True, f"{protocol} at another path")
same(WebSocket(s, "live", "chat").status != 101, True, "an unknown protocol")
for name in ("http", "lines", "pty", "action"):
    same(WebSocket(s, "live", name).status != 101, True, f"{name}: what the server calls its own files is none")
same(WebSocket(s, "live", "").status != 101, True, "no protocol")
same(WebSocket(s, "live", "ring3-live", headers={"Upgrade": "h2c"}).status != 101, True, "HTTP/2 by an upgrade")

# Broken clients.
s.ask(raw="/" + "a" * 100000)
x = s.connect()
x.sendall(os.urandom(20000).replace(b"\r", b"x"))
x.close()
for junk in ("{", "[]", "1", '"x"', "x" * 5000, '{"id": 1, "op": ' + "[" * 50 + "]" * 50 + "}"):
    l = Live(s)
    l.send(junk)
    l.sock.settimeout(15)
    while (m := l.receive()) is not None and b'"state"' in m[1]:
        pass
    ok(m is None, f"a request that is none is hung up on: {junk[:20]}", m)
l = Live(s)
for request, why in (({}, 'needs an "op"'), ({"op": "x"}, "unknown"), ({"op": 1}, 'needs an "op"'), ({"op": "stop"}, "name of a machine"),
                     ({"op": "stop", "machine": "--force"}, "name of a machine"), ({"op": "start", "machine": "../x"}, "name of a machine"),
                     ({"op": "capture", "switch": "-w"}, "name of a switch"), ({"op": "capture", "switch": "a", "port": "-w"}, "name of a switch"),
                     ({"op": "capture-stop", "number": 7}, "no capture 7"), ({"op": "stop", "machine": "nobody"}, "no guest called nobody")):
    m = l.ask(**request)
    ok(m and why in m.get("error", ""), f"{request}: {why}", m)
idle = [s.connect() for _ in range(60)]
ok(s.ask()[0] == 200, "sixty connections that ask nothing keep nobody out")
for c in idle:
    c.close()
pages = [Live(s) for _ in range(20)]
ok(15 <= [p.status for p in pages].count(101) <= 16, "pages are limited", [p.status for p in pages])
for p in pages:
    p.close()
ok(wait_until(lambda: Live(s).status == 101, 10), "and make room for others")
same(s.end(), 0, "it ends")
said = s.proc.stderr.read().decode()
ok("libwebsockets" not in said, "without a word of all that", said)

# Elsewhere.
t = Server(FAKE, "--listen", "127.0.0.2:0", "--host", "lab.example")
same((t.address, t.ask()[0], t.ask(headers={"Host": "lab.example"})[0], t.ask(headers={"Host": "x.example"})[0]), ("127.0.0.2", 200, 200, 403), "--listen and --host")
t.end()
same(t.proc.stderr.read().decode().count("ssh"), 0, "of loopback nobody is warned")
t = Server(FAKE, "--listen", "0.0.0.0:0")
t.end()
ok("whoever is between" in t.proc.stderr.read().decode(), "of another address they are")
done()
