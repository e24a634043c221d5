#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# User code can write a slot at any time: each read of one in the kernel's sources
# goes through R3_SLOT_GET() (include/asm/slot.h). And what waits for user code is
# called by nothing below it.
. "$(dirname "$0")/../lib.sh"
cd "${REPO:-$(dirname "$0")/../..}/kernel/arch/ring3" || exit

# reads FILE...: lines that read a slot's field in any other way
reads()
{
	grep -nE '\b(slot|sc|si)->[a-z]' "$@" | grep -vE 'R3_SLOT_GET\(|WRITE_ONCE\(|&([a-z]+->)?slot->|(slot|sc|uc)->[a-z0-9_]+ = |^[^:]*:[0-9]+:\s*\*'
}

is "$(reads kernel/{user,stop,yield,borrow,poll,frame,fpu,slot}.c mm/{space,recycle,map,copies,rewrite,sites,uaccess}.c 2>/dev/null)" "" \
	"all reads of slots go through the accessor"
printf '\tif (info->slot->event == 1)\n\tx = slot->uc;\n' > "$T/wrong.c"
is "$(reads "$T/wrong.c" | wc -l)" 2 "others would be found"
is "$(grep -lE 'handover\.h|r3_handover_|r3_user_' mm/*.c virtio/*.c host/*.c)" "" "nothing below calls what waits for user code"
done_testing
