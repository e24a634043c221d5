# SPDX-License-Identifier: GPL-2.0-or-later
# What bash scripts are made of: forks of a process with a heap, and dynamic
# programs. Milliseconds of one, out of so many in one bash.
turns=$(size 500 200 10)

# loop NAME WANTED COMMAND: the row NAME; the turns' output together is WANTED
loop()
{
	cat > script <<-EOF
		for ((i = 1; i <= 10; i++)); do $3; done > /dev/null
		exec > "$WORK/loop.out"
		s=\${EPOCHREALTIME/[.,]/}
		for ((i = 1; i <= $turns; i++)); do $3; done
		e=\${EPOCHREALTIME/[.,]/}
		echo \$((e - s)) > "$WORK/loop.us"
	EOF
	if ! bash script 2> loop.err; then
		fail "$1" ms "$(tail -n 3 loop.err)"
	elif [ "$(sort -n loop.out | tr '\n' ' ')" != "$2" ]; then
		fail "$1" ms "wrong result: $(tail -n 3 loop.out)"
	else
		row "$1" ms "$(awk "BEGIN { print $(cat loop.us) / 1000 / $turns }")"
	fi
}

numbers=$(seq "$turns" | tr '\n' ' ')
loop bash_fork "" '(:)'
loop bash_substitute "$numbers" 'x=$(echo $i); echo $x'
loop bash_pipe "$numbers" 'echo $i | while read x; do echo $x; done'
loop bash_true "" /bin/true
loop bash_sed "$numbers" 'sed -n 1p <<< $i'
loop bash_all "$numbers" '/bin/true; x=$(echo $i | sed s/x/y/); echo $x'
