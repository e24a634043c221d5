# SPDX-License-Identifier: GPL-2.0-or-later
# The tasks of a guest, for live.py or "drgn -c CORE": number, state, name.
from drgn.helpers.linux.pid import for_each_task

for task in for_each_task(prog):
    print(f"{task.pid.value_():6} {task.__state.value_():4x} {task.comm.string_().decode(errors='replace')}")
