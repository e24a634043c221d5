#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# embed.sh FILE...: assembler text with each file's bytes, from page_NAME to page_NAME_end,
# where the dot of its name is an underscore.
echo '.section .rodata'
for file; do
	name=page_$(basename "$file" | tr . _)
	# So that this text changes with the file, and is assembled again.
	echo "/* $(cksum < "$file") */"
	printf '.global %s, %s_end\n%s:\n.incbin "%s"\n%s_end:\n' "$name" "$name" "$name" "$file" "$name"
done
echo '.section .note.GNU-stack,"",@progbits'
