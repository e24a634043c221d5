# SPDX-License-Identifier: GPL-2.0-or-later
# A series that the port builds for beside the one that all other tests have; to be sourced.
. "$(dirname "$0")/../lib.sh"

# in_it DESCRIPTION EXPECTED COMMAND...: what that prints in a guest of two CPUs
in_it()
{
	local desc=$1 expected=$2 out

	shift 2
	out=$(guest -v --cpus 2 -- "$@" 2> "$T/log")
	is "$? $out" "0 $expected" "$desc" || diag "$(tail -20 "$T/log")"
	is "$(grep -cE 'WARNING:|BUG:|Oops|rcu: INFO' "$T/log")" 0 "and no complaint of the kernel"
}

# series_works SERIES: a small kernel of it builds and does what programs need
series_works()
{
	dir=$("$REPO/tests/prepare" "kernel-$1")
	is $? 0 "$1 builds"
	export RING3_KERNEL=$dir/vmlinux
	unset RING3_MODULES
	is "$(cut -d. -f1,2 "$dir/release")" "$1" "it is $1"

	in_it "a guest boots" "$(cat "$dir/release")" uname -r
	in_it "with its CPUs" 2 nproc
	in_it "processes, pipes and signals" "50 143" bash -c \
		'n=$(for i in $(seq 50); do (exec /bin/echo x) & done | sort | grep -c x; wait)
		sleep 60 & kill $!; wait $!; echo $n $?'
	in_it "threads on both CPUs" "[499500, 499500, 499500, 499500]" python3 -c \
		'from concurrent.futures import ThreadPoolExecutor as P; print(list(P(4).map(lambda n: sum(range(n)), [1000] * 4)))'
	in_it "a debugger, single steps and a breakpoint" 1 bash -c \
		'echo "int f(int x) { return x + 1; } int main(void) { return f(6) - 7; }" > /tmp/a.c && cd /tmp && gcc -g -o a a.c &&
		gdb -batch -ex "break f" -ex run -ex stepi -ex "print x" -ex continue a 2>&1 | grep -c "^\$1 = 6"'
	in_it "a CPU is taken and given back" "1 2" bash -c \
		'c=/sys/devices/system/cpu/cpu1/online; echo 0 > $c; a=$(nproc); echo 1 > $c; echo $a $(nproc)'

	guest -- sh -c 'exit 7' > "$T/out" 2>&1
	is $? 7 "a command's status comes out"
}
