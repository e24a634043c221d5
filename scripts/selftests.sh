# SPDX-License-Identifier: GPL-2.0-or-later
# Building the kernel's own selftests so that they run in any x86-64 Linux; to be sourced.

# Where they have to be: their C library is there, too, whatever the guest's root has.
SELFTESTS=/opt/selftests
SELFTESTS_CC="gcc -Wl,--dynamic-linker=$SELFTESTS/lib/ld-linux-x86-64.so.2 -Wl,-rpath,$SELFTESTS/lib"

# dev_libraries DIR: headers and static libraries of libcap and libpopt, which
# some tests are linked with, below DIR
dev_libraries()
{
	local pkg

	for pkg in libcap-dev libpopt-dev; do
		mkdir -p "$1/$pkg"
		debian_download $pkg "$1/$pkg" && dpkg-deb -x "$1/$pkg/$pkg"_*.deb "$1/dev" || {
			progress_clear
			grep -E '^[EW]:' "$1/$pkg/log" | tail -3 >&2
			die "$pkg cannot be downloaded: check the network"
		}
	done
	# The shared ones are in other packages; the static ones need none.
	find "$1/dev" -name '*.so*' -delete
}

# selftests_make TREE DIR GOAL TARGETS: make GOAL, with output below DIR. -k: what a test lacks on
# this host (32-bit libraries, libfuse) costs that test only.
selftests_make()
{
	make --no-print-directory -C "$1" O="$2/headers" ARCH=x86_64 headers > "$2/log" 2>&1 || return
	progress 40
	C_INCLUDE_PATH=$2/dev/usr/include LIBRARY_PATH=$2/dev/usr/lib/x86_64-linux-gnu \
		make --no-print-directory -k -C "$1/tools/testing/selftests" -j"$JOBS" O="$2" CC="$SELFTESTS_CC" \
		KHDR_INCLUDES="-isystem $2/headers/usr/include" TARGETS="$4" "$3" >> "$2/log" 2>&1
}

# selftests_libraries DIR: what the programs below DIR are linked with, in DIR/lib
selftests_libraries()
{
	local lib

	mkdir "$1/lib"
	for lib in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 librt.so.1 libdl.so.2; do
		cp -L "$(gcc -print-file-name=$lib)" "$1/lib/" || return
	done
}

# selftests_image DIR IMAGE: DIR as a disk
selftests_image()
{
	local size

	size=$(du -sm "$1" | cut -f1)
	mke2fs -q -t ext4 -m 0 -L selftests -E root_owner=0:0 -d "$1" "$2.tmp" $((size * 5 / 4 + 16))M > "$2.log" 2>&1 && chmod 444 "$2.tmp" && mv "$2.tmp" "$2" ||
		die "the image of the selftests could not be written: free some space in $(dirname "$2")"
	rm -f "$2.log"
}
