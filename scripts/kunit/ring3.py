# SPDX-License-Identifier: GPL-2.0-or-later
"""For mainline's kunit.py: --qemu_config=ring3.py. What it takes for QEMU is the program beside this file."""
import os

from ..qemu_config import QemuArchParams

os.environ['PATH'] = os.path.dirname(os.path.abspath(__file__)) + os.pathsep + os.environ.get('PATH', os.defpath)

QEMU_ARCH = QemuArchParams(linux_arch='ring3',
			   # Tests of string functions and others want it.
			   kconfig='CONFIG_PRINTK=y',
			   qemu_arch='ring3',
			   kernel_path='vmlinux',
			   kernel_command_line='',
			   extra_qemu_params=[])
