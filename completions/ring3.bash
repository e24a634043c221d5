# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of ring3: subcommands and options as "ring3 --help" has them, names of guests.
_ring3()
{
	local cur=$2 prev=$3 sub=${COMP_WORDS[1]} i
	COMPREPLY=()

	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2> /dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z0-9-]*\) .*/\1/p') --help" -- "$cur")
		return
	fi
	# What follows "--" is a command's own.
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" != -- ] || { compopt -o default; return; }
	done
	if [[ $cur == -* ]]; then
		[ "$sub" != kernel ] || sub="kernel ${COMP_WORDS[2]}"
		# shellcheck disable=SC2086
		mapfile -t COMPREPLY < <(compgen -W "$("$1" $sub --help 2> /dev/null | grep -oE '^ +(-[a-zA-Z], )?--[a-z][a-z0-9-]*' | grep -oE -- '--.*') --help" -- "$cur")
		return
	fi
	case $prev in
	--kernel|-k) mapfile -t COMPREPLY < <(compgen -W "$("$1" kernel list 2> /dev/null | sed '1d; s/ .*//')" -- "$cur"); compopt -o default; return ;;
	-*) compopt -o default; return ;;
	esac
	case $sub in
	kernel)
		case ${COMP_WORDS[2]} in
		rm) mapfile -t COMPREPLY < <(compgen -W "$("$1" kernel list 2> /dev/null | sed '1d; s/ .*//')" -- "$cur") ;;
		port) compopt -o default ;;
		*) [ "$COMP_CWORD" != 2 ] || mapfile -t COMPREPLY < <(compgen -W "build list rm port" -- "$cur") ;;
		esac ;;
	kunit|selftest|run|image|roots|doctor|net|up|down|status) compopt -o default ;;
	start|restart|rm|logs|wait|rename|systemd) mapfile -t COMPREPLY < <(compgen -W "$("$1" ps -a -q 2> /dev/null)" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$("$1" ps -q 2> /dev/null)" -- "$cur") ;;
	esac
} && complete -F _ring3 ring3
