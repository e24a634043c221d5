# SPDX-License-Identifier: GPL-2.0-or-later
# The tasks of a guest, for live.py or "drgn -c CORE": number, state, name.
from drgn.helpers.linux.pid import for_each_task

for task in for_each_task(prog):
    # A task calls itself what it likes; the terminal is not to obey it.
    name = "".join(c if c.isprintable() else "?" for c in task.comm.string_().decode(errors="replace"))
    print(f"{task.pid.value_():6} {task.__state.value_():4x} {name}")
