#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# What is installed works by itself: without the tree, without variables.
. "$(dirname "$0")/../lib.sh"
K=$(dirname "$RING3_KERNEL")
DESTDIR=$T/i meson install -C "$BUILD" --no-rebuild > "$T/log" 2>&1 || diag < "$T/log"
P=$(dirname "$(dirname "$(find "$T/i" -path '*/bin/ring3')")")
is "$(ls "$P/bin" "$P/libexec/ring3" "$P/lib/ring3" 2>&1 | tr '\n' ' ' | sed "s|$P/||g; s| ring3-web||")" \
	"bin: ring3  lib/ring3: initramfs.cpio modules.img vmlinux  libexec/ring3: ring3-copy ring3-fs ring3-net ring3-switch ring3-unpack ring3-vsock " "programs, kernel and initramfs are where they belong"
cmp -s "$K/vmlinux" "$P/lib/ring3/vmlinux" && ok "the kernel is the one that was built" || not_ok "the kernel is the one that was built"
is "$(find "$P/share/man" -name 'ring3*' | wc -l)" "$(ls "$REPO"/man/ring3* | wc -l)" "all pages of the manual"
installed() { env -u RING3 -u RING3_KERNEL -u RING3_INITRD -u RING3_MODULES -u RING3_ROOT "$P/bin/ring3" "$@"; }
cd / || exit
is "$(installed run --net none -- sh -c 'id -u; uname -s; modprobe dummy && lsmod | grep -c ^dummy' 2>&1 | tr '\n' ' ')" "0 Linux 1 " "a guest on this host's own root, with modules"
like "$(installed run -- cat /proc/net/dev 2>&1)" "eth0" "with a network"
like "$(installed doctor 2>&1)" "guest kernel .*/lib/ring3/vmlinux" "doctor knows where it is"
like "$(XDG_CACHE_HOME=$T/cache installed kernel build --source "$T" 2>&1)" "^ring3: $T is not a Linux source tree" "what builds kernels is installed"
is "$(cd "$REPO" && find kernel abi -type f | sort)" "$(cd "$P/share/ring3" && find kernel abi -type f | sort)" "... all of it"
rm "$P/lib/ring3/vmlinux"
out=$(installed run -- true 2>&1); like "$? $out" "125 .*none is installed" "without a kernel it says so"

# ---- completion ----
complete_bash()
{
	PATH=$P/bin:$PATH bash --norc -c '. "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }
		_ring3 ring3 "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf "%s " "${COMPREPLY[@]}"' x "$P/share/bash-completion/completions/ring3" "$@"
}
like "$(complete_bash ring3 doc)" "^doctor $" "bash: subcommands"
like "$(complete_bash ring3 run --root-)" "--root-overlay --root-rw --root-ro" "bash: options"
is "$(complete_bash ring3 exec nonesuch)" " " "bash: names of guests"
# complete_zsh WORDS: what is on the terminal after them and the key for completion
complete_zsh()
{
	PATH=$P/bin:$PATH FPATH_TOO=$P/share/zsh/vendor-completions python3 - "$1" <<-'EOF'
	import os, pty, re, select, sys, time
	pid, fd = pty.fork()
	if not pid:
	    os.environ.update(TERM="dumb", PS1="ready> ")
	    os.execvp("zsh", ["zsh", "-f", "-i"])
	seen = b""
	def until(what, seconds=20):
	    global seen
	    end = time.monotonic() + seconds
	    while not re.search(what, seen) and time.monotonic() < end:
	        if select.select([fd], [], [], 0.2)[0]:
	            seen += os.read(fd, 65536)
	os.write(fd, b"PS1='%%' ; fpath=($FPATH_TOO $fpath); autoload -Uz compinit; compinit -u -D; echo set''up\n")
	until(rb"setup\r?\n")
	seen = b""
	os.write(fd, sys.argv[1].encode() + b"\t")
	until(sys.argv[1].encode() + rb"\S", 5)
	time.sleep(0.5)
	until(rb"never", 0.5)
	os.kill(pid, 9)
	print(seen.decode(errors="replace"))
	EOF
}
if command -v zsh > /dev/null; then
	like "$(complete_zsh "ring3 doc")" "ring3 doctor" "zsh: subcommands"
	like "$(complete_zsh "ring3 run --root-h")" "--root-hide" "zsh: options"
else
	skip "zsh completes" "host: no zsh"
fi
if command -v fish > /dev/null; then
	like "$(PATH=$P/bin:$PATH fish -c ". $P/share/fish/vendor_completions.d/ring3.fish; complete -C 'ring3 doc'" 2>&1)" "^doctor" "fish completes"
else
	skip "fish completes" "host: no fish"
fi
done_testing
