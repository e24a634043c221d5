# SPDX-License-Identifier: GPL-2.0-or-later
"""For the gdb of "ring3 debug": symbols of modules by themselves, by mainline's lx-symbols.

$RING3_GDB_MODULES is the folder that the modules with DWARF are in. Modules that are loaded
later get their symbols before their init function runs, which then can be broken into.
"""
import os

import gdb


def with_init(section_arguments):
    """lx-symbols tells gdb where a module's sections are, but not of those that are gone after its start."""
    def arguments(self, module, module_addr):
        text = section_arguments(self, module, module_addr)
        try:
            attrs = module['sect_attrs'].dereference()
            for n in range(int(attrs['nsections'])):
                entry = attrs['attrs'][n]
                # 6.12 has a structure of its own, later versions sysfs's.
                if 'battr' in [f.name for f in entry.type.fields()]:
                    name, address = entry['battr']['attr']['name'].string(), entry['address']
                else:
                    name, address = entry['attr']['name'].string(), entry['private']
                if name in ('.init.text', '.exit.text') and f'-s {name} ' not in text:
                    text += f' -s {name} {int(address):#x}'
        except gdb.error:
            pass
        return text
    return arguments


def load(folder):
    try:
        from linux import symbols
    except (ImportError, gdb.error):
        return
    symbols.LxSymbols._section_arguments = with_init(symbols.LxSymbols._section_arguments)
    # It looks for modules in the current directory, too, which may be a large one.
    here = os.getcwd()
    os.chdir(folder)
    try:
        gdb.execute('lx-symbols', to_string=True)
    except gdb.error as error:
        gdb.write(f'symbols of modules: {error}; try lx-symbols {folder} later\n')
    os.chdir(here)


if os.environ.get('RING3_GDB_MODULES'):
    load(os.environ['RING3_GDB_MODULES'])
