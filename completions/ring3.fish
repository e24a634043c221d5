# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of ring3: subcommands and options as "ring3 --help" has them, names of guests.
function __ring3_subcommands
	ring3 --help 2> /dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z0-9-]*\)  *\(.*\)/\1\t\2/p'
end

function __ring3_options
	set -l words (commandline -opc)
	set -l sub $words[2]
	test "$sub" = kernel; and set sub kernel $words[3]
	ring3 $sub --help 2> /dev/null | grep -oE '^ +(-[a-zA-Z], )?--[a-z][a-z0-9-]*' | grep -oE -- '--.*'
end

complete -c ring3 -n 'test (count (commandline -opc)) -eq 1' -f -a '(__ring3_subcommands)'
complete -c ring3 -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -a '(__ring3_options)'
complete -c ring3 -n '__fish_seen_subcommand_from exec stop console cp wait logs kill attach detach pause resume restart rename rm set stats debug dump' -a '(ring3 ps -q 2> /dev/null)'
complete -c ring3 -n '__fish_seen_subcommand_from kernel; and test (count (commandline -opc)) -eq 2' -f -a 'build list rm port'
complete -c ring3 -n '__fish_seen_subcommand_from kernel; and __fish_seen_subcommand_from rm' -f -a '(ring3 kernel list 2> /dev/null | sed "1d; s/ .*//")'
