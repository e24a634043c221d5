#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# Kernels with names, and those that lie where they were built.
PATH=$PATH:/usr/sbin:/sbin
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/fakebuild.sh"
export XDG_DATA_HOME=$T/data XDG_CACHE_HOME=$T/cache
kernel=$RING3_KERNEL image=$RING3_MODULES
release=$(cat "$(dirname "$kernel")/release")

# refused REGEX DESCRIPTION COMMAND...
refused()
{
	local regex=$1 desc=$2 out

	shift 2
	out=$("$@" 2>&1)
	like "$? $out" "^(1|125) ring3: .*$regex" "$desc"
	is "$(wc -l <<< "$out")" 1 "... in one sentence"
}

build_says()
{
	build "$@"
	local status=$?

	cat "$T/err"
	return $status
}

# ---- names ----

fake_builder
is "$("$RING3" kernel list | wc -l)" 1 "no kernel has a name"
is "$("$RING3" kernel list --json)" "[]" "... in JSON, too"
is "$(build --name -)" tree "a tree's kernel is called after it"
is "$(build --name - --debug --config-fragment tiny)" tree-debug-tiny "... and its fragments"
is "$(build --name mine)" mine "or as it is asked for"
like "$("$RING3" kernel list)" "^mine +6.12.1 .* - +$T/tree\$" "they are listed"
like "$("$RING3" kernel list --json)" '"name": ?"tree-debug-tiny", ?"release": ?"6.12.1", ?"source": ?"'"$(sed 's|/|\\\\?/|g' <<< "$T/tree")"'", ?"config": ?"debug tiny", ?"bytes": ?[0-9]{6,}' "... in JSON"
check "a name's objects are kept" test -e "$T/cache/ring3/dev/mine/obj/vmlinux"
unset RING3_KERNEL RING3_MODULES
is "$(guest --net none -k mine -- uname -r 2>&1)" "$release" "run -k NAME boots it"
is "$(RING3_MODULES=$image guest --net none -k mine -- sh -c 'find /lib/modules/ -name "*.ko*" | wc -l' 2>&1)" 0 "... with its own modules, which are none, and not with others"
is "$(guest --net none -k "$T/tree" -- uname -r 2>&1)" "$release" "run -k TREE boots what was built of it"
is "$(build --name mine)" mine "it is built again under the same name"
is "$(ls -A "$T/data/ring3/kernels" | grep -c '^\.[no]')" 0 "nothing half-done is left"
check "a kernel is removed" "$RING3" kernel rm mine
check "... with its objects" test ! -e "$T/cache/ring3/dev/mine" -a ! -e "$T/data/ring3/kernels/mine"
refused 'no kernel called mine; "ring3 kernel list"' "one that is not there" "$RING3" kernel rm mine
refused 'no kernel called \.\./machines' "a path is no name" "$RING3" kernel rm ../machines
refused 'no kernel is called so; "ring3 kernel list"' "run -k with a name that is not there" "$RING3" run -k mine -- true
refused 'name is up to 63 letters' "a name that is none" build_says --name ../x
refused "unexpected word x: ring3 kernel list" "a word too many" "$RING3" kernel list x
refused 'something is missing: ring3 kernel rm NAME' "a word too few" "$RING3" kernel rm
refused 'unknown word lst' "a wrong word" "$RING3" kernel lst

# ---- a tree that was built in, or a build directory ----

tree=$T/built
mkdir -p "$tree/include/config" "$tree/drivers"
printf '#\n# Automatically generated file; DO NOT EDIT.\n# Linux/ring3 6.12.1 Kernel Configuration\n#\n' > "$tree/.config"
printf 'CONFIG_RING3=y\nCONFIG_MODULES=y\n' > "$tree/include/config/auto.conf"
echo "$release" > "$tree/include/config/kernel.release"
debugfs -R "rdump /$release/kernel $T" "$image" 2> /dev/null
(cd "$T/kernel" && find . -name 'dummy.ko' -o -name 'loop.ko' -o -name 'tun.ko') | while read -r ko; do
	mkdir -p "$tree/$(dirname "$ko")"
	cp "$T/kernel/$ko" "$tree/$ko"
	echo "${ko#./}" | sed 's/ko$/o/'
done > "$tree/modules.order"
check "the test has modules" test -s "$tree/modules.order"
refused "no vmlinux in $tree" "a directory that has no kernel" "$RING3" run -k "$tree" -- true
cp "$kernel" "$tree/vmlinux"
count=$(wc -l < "$tree/modules.order")
is "$(guest --net none -k "$tree" -- sh -c 'uname -r; modprobe dummy && grep -c "^dummy " /proc/modules; find /lib/modules/*/kernel -name "*.ko" | wc -l' 2>&1 | tr '\n' ' ')" \
	"$release 1 $count " "run -k DIRECTORY boots what make has made there, with its modules"
made=$(stat -c %y "$T"/cache/ring3/trees/*/modules.img)
check "another time" guest --net none -k "$tree" -- true
is "$(stat -c %y "$T"/cache/ring3/trees/*/modules.img)" "$made" "... the modules are not packed again"
find "$tree" -name loop.ko -delete
sed -i /loop/d "$tree/modules.order"
is "$(guest --net none -k "$tree" -- sh -c 'find /lib/modules/*/kernel -name "*.ko" | wc -l' 2>&1)" "$((count - 1))" "one less when one is no longer built"
is "$(cd "$T" && guest --net none -k built -- uname -r 2>&1)" "$release" "its path may be relative"

rm "$tree/vmlinux"
printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' > "$tree/Makefile"
: > "$tree/Kconfig"
refused "no kernel was built of $tree yet: ring3 kernel build" "a tree that was not built" "$RING3" run -k "$tree" -- true
sed -i s/ring3/x86/ "$tree/.config"
cp "$kernel" "$tree/vmlinux"
refused "was built for x86, and a guest needs ring3: .*ring3 kernel build --source" "one for another architecture" "$RING3" run -k "$tree" -- true
refused "has been built in: run 'make mrproper'.*git worktree" "... of which no kernel is built" "$RING3" kernel build --source "$tree"

# ---- the port in a tree ----

mkdir "$T/tree/arch"
git -C "$T/tree" init -q
check "the port gets into a tree" "$RING3" kernel port "$T/tree"
check "... all of it" test -e "$T/tree/arch/ring3/Kconfig" -a -e "$T/tree/arch/ring3/include/ring3/boot.h"
is "$(git -C "$T/tree" status --short arch)" "" "... and git does not see it"
touch -d 2001-01-01 "$T/tree/arch/ring3/Kconfig"
check "a second time" "$RING3" kernel port "$T/tree"
is "$(date -r "$T/tree/arch/ring3/Kconfig" +%Y)" 2001 "... what is the same is not touched"
check "and out again" "$RING3" kernel port --remove "$T/tree"
check "... all of it" test ! -e "$T/tree/arch/ring3"
refused 'not a Linux source tree' "a folder that is no kernel tree" "$RING3" kernel port "$T/data"
mkdir "$T/tree/arch/ring3"
refused "is not of this command's making" "a folder of somebody else's is left alone" "$RING3" kernel port --remove "$T/tree"
done_testing
