#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# Where kernel sources come from: suites that the host's apt does not know, and trees of the user's.
. "$(dirname "$0")/../lib.sh"
build=$REPO/kernel/build.sh
unset RING3_KERNEL RING3_MODULES

# in_builder FUNCTION ARGS...: a function of the builder's, with a cache of this test's own
in_builder()
{
	(
		. "$REPO/scripts/lib.sh"
		. "$REPO/scripts/debian.sh"
		. "$REPO/kernel/build/source.sh"
		CACHE=$T/cache
		mkdir -p "$CACHE/src"
		"$@"
	)
}

# ---- a tree of the user's ----

tree=$T/tree
mkdir -p "$tree/arch/x86" "$tree/mm"
printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 1\nEXTRAVERSION = -rc2\n' > "$tree/Makefile"
echo a > "$tree/mm/a.c"
echo b > "$tree/mm/b.c"
: > "$tree/Kconfig"
: > "$tree/arch/x86/Kconfig"

key() { XDG_CACHE_HOME=$T/cache "$build" --source "$tree" --key; }

is "$(in_builder source_version "$tree")" 7.3.1-rc2 "a tree's version"
one=$(key)
is "$(key)" "$one" "the key of a tree is stable"
echo aa > "$tree/mm/a.c"
two=$(key)
check "a file that changed changes it" [ "$two" != "$one" ]

git="git -C $tree -c user.name=x -c user.email=x@x -c init.defaultBranch=x"
$git init -q && $git add -A && $git commit -qm x
clean=$(key)
touch -d '2 days ago' "$tree/mm/b.c"
is "$(key)" "$clean" "of a git checkout it is what is in it, not when it was written"
echo bb > "$tree/mm/b.c"
dirty=$(key)
check "what is not committed counts" [ "$dirty" != "$clean" ]
echo c > "$tree/mm/c.c"
check "and what git does not know" [ "$(key)" != "$dirty" ]

copy=$T/build/src
in_builder source_overlay "$tree" "$copy"
check "the copy has the tree" cmp -s "$tree/mm/c.c" "$copy/mm/c.c"
check "and the port" test -e "$copy/arch/ring3/Kconfig"
check "but not what git knows" test ! -e "$copy/.git"
rm "$tree/mm/c.c"
sed -i s/bb/bbb/ "$tree/mm/b.c"
echo d > "$tree/mm/d.c"
before=$(stat -c %y "$copy/mm/a.c")
in_builder source_overlay "$tree" "$copy"
is "$(cat "$copy/mm/b.c") $(cat "$copy/mm/d.c")" "bbb d" "what changes in the tree changes in the copy"
check "what was removed is" test ! -e "$copy/mm/c.c"
is "$(stat -c %y "$copy/mm/a.c")" "$before" "nothing else is touched"
check "the port stays" test -e "$copy/arch/ring3/Kconfig"
check "and never gets into the tree" test ! -e "$tree/arch/ring3"

mkdir -p "$tree/arch/x86/include/generated"
out=$(key 2>&1)
is $? 125 "a tree that was built in is refused"
like "$out" 'built in: .*mrproper.*git worktree' "with the ways out"

# ---- other suites ----

if ! timeout 20 bash -c 'exec 3<> /dev/tcp/deb.debian.org/80' 2> /dev/null; then
	skip "a package of another suite" "host: deb.debian.org cannot be reached"
	done_testing
	exit
fi
in_builder debian_download linux-source "$T/deb" trixie-backports
is $? 0 "a package of a suite that is not the host's"
like "$(cd "$T/deb" && echo *.deb)" '^linux-source_[0-9.]+.*bpo13' "comes from there"
is "$(APT_CONFIG=$T/deb/apt/apt.conf apt-config dump | grep -cE 'Invoke.*"..')" 0 "no hooks of the host's apt are run for it"

out=$(XDG_CACHE_HOME=$T/cache "$build" --source 6.99 --key 2>&1)
is $? 125 "a series that Debian does not have is refused"
like "$out" 'no linux-source-6\.99 now, but these: 6\.1 6\.12 .*7\.3.*--source DIR' "with those that it has"
is "$(ls "$T/cache/ring3/src" | grep -c tmp)" 0 "nothing is left behind"

printf 'Acquire::http::Proxy "http://127.0.0.1:9";\n' > "$T/proxy.conf"
out=$(APT_CONFIG=$T/proxy.conf XDG_CACHE_HOME=$T/cache "$build" --source 7.3 --key 2>&1)
is $? 125 "the proxy of the host's apt is used: one that is dead"
like "$out" 'linux-source-7\.3 cannot be downloaded: check the network' "with a sentence that says so"
done_testing
