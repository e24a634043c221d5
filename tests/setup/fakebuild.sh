# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel build whose long parts are replaced: fetching, configuring, compiling. What is around
# them is real. To be sourced.

# fake_builder: makes $T/repo/kernel/build.sh, and a source tree $T/tree
fake_builder()
{
	mkdir -p "$T/repo/kernel" "$T/cache/ring3/src" "$T/tree/include"
	cp -r "$REPO/scripts" "$REPO/abi" "$T/repo/"
	cp -r "$REPO/kernel/build" "$REPO/kernel/configs" "$REPO/kernel/arch" "$T/repo/kernel/"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' > "$T/tree/Makefile"
	: > "$T/tree/Kconfig"
	cp "$RING3_KERNEL" "$T/vmlinux"
	{
		sed '$d' "$REPO/kernel/build.sh"
		cat <<-'EOT'
		need_space() { :; }
		source_overlay() { :; }
		configure() { echo noise; mkdir -p "$OBJ/include/config"; echo 6.12.1 > "$OBJ/include/config/kernel.release"; : > "$OBJ/.config"; }
		compile() { echo noise; cp "$VMLINUX" "$OBJ/vmlinux"; : > "$OBJ/modules.order"; [ -z "${3:-}" ] || : > "$3"; }
		kmake() { echo noise; }
		main "$@"
		EOT
	} > "$T/repo/kernel/build.sh"
	is "$(tail -1 "$REPO/kernel/build.sh")" 'main "$@"' "the builder ends where this test cuts it"
}

# build [OPTIONS]
build()
{
	VMLINUX=$T/vmlinux XDG_CACHE_HOME=$T/cache bash "$T/repo/kernel/build.sh" --source "$T/tree" "$@" 2> "$T/err"
}
