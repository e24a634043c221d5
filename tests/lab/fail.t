#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# What does not come up is named with its last words; an interrupted up ends what it has
# started; a second one takes up what failed.
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

LAB = """
x-m: &m {mem: 128M, networks: [n]}
networks: {n: {subnet: 10.3.0.0/24}}
services:
  good: {<<: *m}
  bad: {<<: *m, startup: [echo fine, "echo the reason >&2; exit 3"]}
  after: {<<: *m, depends_on: [bad]}
  boots-not: {<<: *m, append: ring3.root=/dev/nothing}
  gone: {<<: *m, command: [sh, -c, "echo farewell; exit 5"]}
  sick: {<<: *m, healthcheck: {test: "echo not well; false", interval: 50ms, retries: 3}}
"""
folder = lab("fails", LAB)
p = ring3("up", folder)
same(p.returncode, 1, "an up of which parts fail ends with 1")
for want, what in ((r"fails\.bad failed: the startup command \"echo the reason >&2; exit 3\" ended with status 3", "a startup command is named"),
                   (r"fails\.bad \| the reason", "with its last words"),
                   (r"fails\.after was not started: it waits for fails\.bad", "who waits for it is not started"),
                   (r"fails\.boots-not failed: (its start ended with status 125|it ended at)", "a guest that does not boot is named"),
                   (r"fails\.boots-not \| .*root", "with the guest's own words"),
                   (r"fails\.gone failed: it ended at its command", "a command that has ended is named"),
                   (r"fails\.gone \| .*farewell", "with its last words"),
                   (r"fails\.sick failed: its healthcheck", "who never is healthy is named"),
                   (r"fails\.sick \| not well", "with what its check said"),
                   (r"lab fails: 5 of 6 machines are not up", "all of it is counted")):
    ok(re.search(want, p.stderr), what, p.stderr)
same(states("fails")["good"], "running", "the others run")
p = ring3("status", "fails")
ok(p.returncode == 1 and re.search(r"fails\.bad +failed", p.stdout), "status says it, too", p.stdout)

write(folder + "/ring3.yaml", "x-m: &m {mem: 128M, networks: [n]}\nnetworks: {n: {subnet: 10.3.0.0/24}}\n"
      "services: {good: {<<: *m}, bad: {<<: *m, startup: [echo fine]}, after: {<<: *m, depends_on: [bad]}}\n")
p = ring3("up", folder)
ok(p.returncode == 0, "mended, it comes up", p.stderr)
same(guests(), ["fails.after", "fails.bad", "fails.good"], "with what it has now")
same(ring3("down", folder).returncode, 0, "down")
same(left(), [], "nothing is left")


# A command that has a purpose, and ends.
folder = lab("jobs", """
x-m: &m {mem: 128M, networks: []}
services:
  fill: {<<: *m, command: "sleep 1; echo filled", volumes: ["./out:/out"]}
  use: {<<: *m, depends_on: {fill: {condition: service_completed_successfully}}}
  spill: {<<: *m, command: "sleep 1; echo spilt; exit 3"}
  wipe: {<<: *m, depends_on: {spill: {condition: service_completed_successfully}}}
""")
os.mkdir(folder + "/out")
p = ring3("up", folder)
ok(p.returncode == 1 and re.search(r"jobs\.spill failed: it ended at its command.*\n.*spilt", p.stderr) and "jobs.wipe was not started" in p.stderr,
   "a command that was to succeed, and did not", p.stderr)
ok("jobs.use is up" in p.stderr and "jobs.fill has ended, with status 0" in p.stderr, "one that did", p.stderr)
same(guests(), ["jobs.use"], "who waited for it runs")
same(ring3("down", folder).returncode, 0, "down")
same(left(), [], "nothing is left")


def interrupted(sig, when, what):
    """up of a lab with a machine that takes its time, ended at some point of it."""
    text = ("networks: {n: {subnet: 10.3.0.0/24}, o: {internal: false}}\nservices:\n" + "".join(
        f"  m{i}: {{mem: 128M, networks: [n, o], startup: 'sleep 60'}}\n" for i in range(3)) +
        "  last: {mem: 128M, depends_on: [m0]}\n")
    folder = lab("stopped", text)
    p = subprocess.Popen([RING3, "up", folder], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(when, 60)
    p.send_signal(sig)
    err = p.communicate(timeout=60)[1]
    same(p.returncode, 128 + sig, f"{what}: the exit status says the signal")
    ok("interrupted: what was started is ended" in err, "and the last line what became of it", err)
    same(left(), [], "nothing is left")


interrupted(signal.SIGINT, lambda: switches(), "SIGINT at its start")
interrupted(signal.SIGTERM, lambda: len(guests()) >= 2 and "running" in ring3("ps").stdout, "SIGTERM at its startup commands")

# Killed, it leaves what down finds.
folder = lab("killed", "services: {a: {mem: 128M, startup: 'sleep 60'}}\n")
p = subprocess.Popen([RING3, "up", folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wait_until(lambda: "running" in ring3("ps").stdout, 60)
q = ring3("down", folder)
ok(q.returncode == 1 and "another ring3 up or down is at work" in q.stderr, "two at a time are refused", q.stderr)
p.kill()
p.wait()
q = ring3("down", folder)
ok(q.returncode == 0, "down of what a killed up has started", q.stderr)
same(left(), [], "nothing is left")

# A guest that does nothing any more does not keep others from coming up.
TWO = "x-m: &m {mem: 128M, networks: [n]}\nnetworks: {n: }\nservices: {a: *m%s}\n"
folder = lab("still", TWO % "")
same(ring3("up", folder).returncode, 0, "one machine")
os.kill(json.loads(ring3("ps", "--json").stdout)["monitor"], signal.SIGSTOP)
lab("still", TWO % ", b: *m")
p = ring3("up", folder, timeout=90)
ok(p.returncode == 0 and states("still") == {"a": "running", "b": "running"}, "another beside one that is stopped", p.stderr)
same(ring3("down", "--force", folder).returncode, 0, "down")
same(left(), [], "nothing is left")

# Names that others have.
ring3("run", "--detach", "--rm", "--mem", "128M", "--name", "mine.a", "--net", "none")
p = ring3("up", lab("mine", "services: {a: {networks: []}}\n"))
ok(p.returncode == 125 and "a guest called mine.a runs, which is not this lab's" in p.stderr, "a guest of that name stays as it is", p.stderr)
same(guests(), ["mine.a"], "and runs on")
ring3("stop", "--force", "mine.a")
done()
