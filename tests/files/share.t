#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# Folders of the host in a guest: --share as a user meets it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/servers.sh"
P=$BUILD/tests/files
S=$T/s
# Some hosts' file systems for temporary files have no user attributes.
XATTR=1
touch "$T/x" && python3 -c "import os,sys; os.setxattr(sys.argv[1], 'user.x', b'1')" "$T/x" 2>/dev/null || XATTR=0

share() { guest --net none "$@"; }

mkdir -p "$S/sub dir" "$T/other"
echo "of the host" > "$S/file"
ln -s file "$S/link"
chmod 4755 "$S/file"

# ---- as a user sees it ----
out=$(share --share "$S:/mnt/s" --share "$T/other:/mnt/o:ro" -- sh -c '
	cat /mnt/s/link; stat -c "%a %U" /mnt/s/file; ls /mnt/s; echo guest > /mnt/s/new; mkdir /mnt/s/d; echo x > /mnt/s/d/x; mv /mnt/s/d /mnt/s/e
	touch /mnt/o/x 2>&1; mount | grep -c virtiofs' 2>&1)
like "$out" "^of the host" "the guest reads a file of the folder"
like "$out" "755 root" "what belongs to who serves is root's, without its set-user-ID bit"
like "$out" "sub dir" "names with spaces"
like "$out" "Read-only file system" ":ro refuses writes"
like "$out" "^2" "two folders are mounted"
is "$(cat "$S/new")" guest "what the guest wrote is on the host"
is "$(cat "$S/e/x")" x "so is what it renamed"
is "$(stat -c %U "$S/new")" "$(id -un)" "and belongs to who shares"
is "$(share --share "$S" -- cat "$S/file" 2>&1)" "of the host" "without GUEST it has the host's path"
is "$(share --share "$S:/a/b/c%20d" -- sh -c 'cat /a/b/c%20d/file' 2>&1)" "of the host" "directories on the way are made; a path may have a percent sign"

is "$(share --share "$S:/s" -- sh -c 'cat /sys/class/bdi/$(mountpoint -d /s)/read_ahead_kb' 2>&1)" 512 "files are read ahead further than usual, as requests cost by the number"

# ---- ro is the host's decision ----
share --share "$S:/s:ro" -- sh -c 'mount -o remount,rw /s; echo y > /s/new; rm -f /s/file; chmod 777 /s/file; mkdir /s/no' > /dev/null 2>&1
is "$(cat "$S/new") $(ls "$S" | wc -l)" "guest 5" "a guest that mounts it anew writes nothing either"

# ---- ownership ----
share --share "$S:/s" -- sh -c 'cd /s; touch own; chown 1234:99 own; chmod 6750 own; mknod dev c 1 3; mkfifo pipe; install -d -m 1777 -o 7 tmp' 2>&1 | diag
out=$(share --share "$S:/s" -- stat -c '%n %u:%g %a %F %t,%T' /s/own /s/dev /s/pipe /s/tmp 2>&1)
if [ $XATTR = 1 ]; then
	like "$out" "own 1234:99 6750 regular" "owner and special bits are there in the next guest"
	like "$out" "dev 0:0 644 character special file 1,3" "so are device nodes"
	like "$out" "pipe 0:0 644 fifo" "and FIFOs"
	like "$out" "tmp 7:0 1777 directory" "and the sticky bit"
	is "$(python3 -c "import os,sys; print(os.getxattr(sys.argv[1], 'user.containers.override_stat').decode())" "$S/own")" "1234:99:6750:file" "in the format that others know"
else
	skip "owners outlive the guest" "host: no user attributes on the file system of temporary files"
fi
is "$(find "$S" -perm /7000 -not -name file; find "$S" -not -type f -not -type d -not -type l)" "" "on the host there are neither special bits nor special files"
is "$(share --share "$S:/s,uid=1000,gid=1001" -- stat -c %u:%g /s/new 2>&1)" "1000:1001" "uid= and gid= say whose the files are"

# ---- both sides at once ----
mkfifo "$T/in"
share --share "$S:/s" -- sh -c 'cat /s/file; ls /s/late 2>&1; echo ready; read x; cat /s/file; cat /s/late; readlink /s/link' > "$T/out" 2>&1 < "$T/in" &
exec 8> "$T/in"
for i in $(seq 200); do grep -q ready "$T/out" && break; sleep 0.1; done
echo "changed meanwhile, and longer" > "$S/file"; echo late > "$S/late"; ln -sfn late "$S/link"
sleep 1.2; echo >&8; exec 8>&-; wait $!
like "$(cat "$T/out")" "changed meanwhile" "a file that the host changed is seen changed"
like "$(cat "$T/out")" "^late" "a new one is seen, though it was looked for before"

# ---- reboot ----
echo 0 > "$S/count"; cp "$REPO/tests/files/init.sh" "$S/"
guest --net none --share "$S:/s" --init /s/init.sh < /dev/null > /dev/null 2> "$T/err"
is "$? $(cat "$S/log" | tr '\n' ' ')" "0 boot 0 0 boot 1 0 " "a guest that reboots has its shares again; the root's own init finds them mounted"

# ---- what cannot be ----
refused() { # WORDS WANT DESCRIPTION
	local r
	out=$(share $1 -- true 2>&1); r=$?
	like "$r $out" "^125 ring3: --share $2" "$3"
	is "$(printf '%s\n' "$out" | wc -l)" 1 "... in one line"
}
refused "--share $T/none" ".*there is no folder" "a folder that is missing"
refused "--share $S/file" ".*is not a folder" "a file"
refused "--share $S:relative" ".*absolute path" "a relative path in the guest"
refused "--share $S:/a --share $T/other:/a/" ".*same path in the guest" "the same path twice"
refused "--share $S:/" ".*root" "the root"
refused "--share $S:/a:/b" ".*one path too many" "a path too many"
refused "--share $S:/a,cache=maybe" ".*auto, always or none" "an unknown cache"
refused "--share $S:/a,xyz=1" ".*keys are" "an unknown key"
out=$(share --root-ro --share "$S:/not/there" -- true 2>&1); like "$? $out" "^125 .*/not/there .*share it at a path that is there" "a directory that cannot be made in the guest"
out=$(share --share "$S:/etc/passwd" -- true 2>&1); like "$? $out" "^125 .*/etc/passwd cannot be mounted in the guest" "a file in the guest"
if [ "$(id -u)" != 0 ]; then
	mkdir "$T/closed"; chmod 0 "$T/closed"
	refused "--share $T/closed" ".*may not read" "a folder without permission"
	chmod 555 "$T/closed"
	refused "--share $T/closed" ".*share it with :ro" "a folder that may only be read"
	chmod 755 "$T/closed"
fi

# ---- ends ----
mkfifo "$T/in2"
share --share "$S:/s" -- sh -c 'cat /s/late; echo ready; read x; cat /s/late; ls /s; echo went on; sync' > "$T/out" 2> "$T/err" < "$T/in2" &
pid=$!
exec 8> "$T/in2"
for i in $(seq 200); do grep -q ready "$T/out" && break; sleep 0.1; done
kill -9 $(servers $pid)
sleep 0.3; echo >&8; exec 8>&-; wait $pid
is $? 0 "when the back end is killed the guest goes on and ends"
like "$(cat "$T/out")" "went on" "its command too"
like "$(cat "$T/err")" "back end ring3-fs was killed by signal 9" "and it is said"

# ---- the file system itself ----
cp "$P/posix" "$P/randfile" "$P/randtree" "$T/other/"
mkdir "$S/posix" "$S/always" "$S/none"
out=$(share --cpus 2 --share "$S:/s" --share "$S/always:/a,cache=always" --share "$S/none:/n,cache=none,locks=host" --share "$T/other:/o:ro" -- sh -c '/o/posix /s/posix; echo "status $?"; /o/posix /a; /o/posix /n' 2>&1)
is "$(printf '%s\n' "$out" | grep -A1 '^not ok\|Bail')" "" "POSIX: $(printf '%s\n' "$out" | grep -c '^ok') cases"
like "$out" "status 0" "... all of them"
seed=$RANDOM
out=$(share --cpus 2 --share "$S:/s" --share "$S/always:/a,cache=always" --share "$S/none:/n,cache=none,locks=host" --share "$T/other:/o:ro" -- sh -c "
	for i in 1 2 3; do /o/randfile /s/rf\$i $seed\$i 2000 & done
	/o/randfile /a/rf $seed 2000; wait; /o/randfile /n/rf $seed 1000; /o/randtree /n/t /var/tmp/t3 $seed 2000; /o/randtree /s/t /var/tmp/t $seed 4000; /o/randtree /a/t2 /var/tmp/t2 $seed 2000" 2>&1)
is "$(printf '%s\n' "$out" | grep -c '^ok')" 8 "random operations on files and names, seed $seed"
printf '%s\n' "$out" | grep -v '^ok' | diag
is "$(cd "$S" && find . -perm /7000 -not -name file; find "$S" -not -type f -not -type d -not -type l)" "" "after all that the host's side has neither special bits nor special files"
done_testing
