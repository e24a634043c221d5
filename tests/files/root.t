#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A folder of the host as the guest's root.
. "$(dirname "$0")/../lib.sh"
R=$T/root
# A small one, of this host's programs.
mkdir -p "$R"/{bin,dev,proc,sys,tmp,etc,lib/modules,root,run,var}
for p in sh cat ls touch stat mount chown mkdir rm find sync; do
	f=$(command -v $p) && cp -L "$f" "$R/bin/"
	for l in $(ldd "$f" | grep -o '/[^ )]*'); do
		mkdir -p "$R$(dirname "$l")" && cp -nL "$l" "$R$l"
	done
done
echo "root:x:0:0::/root:/bin/sh" > "$R/etc/passwd"
echo host > "$R/etc/word"
before=$(cd "$R" && find . -printf '%p %m %s %T@\n' | sort | cksum)
fguest() { RING3_ROOT= guest --net none --root "$R" "$@"; }

out=$(fguest -- sh -c 'cat /etc/word; stat -c %U:%a /bin/sh; echo guest > /etc/word; rm /bin/ls; touch /var/new; chown 5:6 /etc/passwd; mkdir /d; cat /etc/word; stat -c %u:%g /etc/passwd; mount' 2>&1)
like "$out" "^host" "a folder is the root"
like "$out" "root:" "its files are root's"
like "$out" "^guest" "the guest writes to it"
like "$out" "5:6" "and gives owners"
like "$out" "on / type overlay" "on a layer in memory"
is "$(cd "$R" && find . -printf '%p %m %s %T@\n' | sort | cksum)" "$before" "nothing of that is in the folder"
like "$(fguest --root-ro -- sh -c 'touch /x 2>&1; cat /etc/word')" "Read-only.*" "--root-ro: it is read-only"
is "$(fguest --root-rw -- sh -c 'echo kept > /etc/kept; cat /etc/word')" host "--root-rw"
is "$(cat "$R/etc/kept")" kept "... writes to the folder"
is "$(fguest --cpus 2 -- sh -c 'cat /etc/kept; find / -xdev | cat > /tmp/all; [ -s /tmp/all ] && echo walked')" "kept
walked" "the next guest has that"
out=$(fguest --root-overlay "$T/o.qcow2" -- true 2>&1); like "$? $out" "125 .*is a folder" "a folder and --root-overlay"

# ---- this host's own ----
hguest() { RING3_ROOT= guest --net none --root / "$@"; }
sum() { find /etc /usr/bin /usr/sbin -printf '%p %m %U %s %T@ %l\n' 2> /dev/null | sort | cksum; }
echo secret > "$T/private"; chmod 600 "$T/private"
before=$(sum)
out=$(hguest --share "$R/etc:/mnt" --root-hide /etc/passwd -- sh -c '
	echo "os $(cksum < /etc/os-release)"; echo "owner $(stat -Lc %u:%a /etc/os-release)"
	for d in /home /root /tmp /run/lock /srv /mnt; do ls -A $d; done
	for f in /etc/shadow /etc/passwd /etc/fstab '"$T/private ${HOME:-/root}/.profile"'; do [ ! -e $f ] || echo there $f; done
	cat /mnt/word; umount /mnt
	echo kept > /root/x; echo "wrote $(cat /root/x)"
	rm -rf --no-preserve-root /etc /usr/sbin /usr/bin /home; [ -e /etc/passwd ] || echo gone' 2>&1)
like "$out" "^os $(cksum < /etc/os-release)" "--root /: this host's programs and settings"
like "$out" "^owner 0:644" "... with their owners"
is "$(grep -c ^there <<< "$out")" 0 "... and nothing that is private, or to be hidden"
like "$out" "^host" "... but what is shared"
like "$out" "^wrote kept" "the guest writes to its layer"
like "$out" "^gone" "and may remove it all"
is "$(sum)" "$before" "the host's files are as they were"
out=$(hguest --root-rw -- true 2>&1); like "$? $out" "125 .*does not write to the root of this host" "--root-rw"
out=$(hguest --root-hide x -- true 2>&1); like "$? $out" "125 .*absolute path" "--root-hide with a relative path"
out=$(hguest --root-hide /nonesuch/x -- true 2>&1); like "$? $out" "125 .*no folder /nonesuch" "... in a folder that is not there"
out=$(fguest --root-hide /etc/x -- true 2>&1); like "$? $out" "125 .*--root / only" "... with another root"
done_testing
