#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel builder's answers to bad input, and what it built.
PATH=$PATH:/usr/sbin:/sbin
. "$(dirname "$0")/../lib.sh"
build=$REPO/kernel/build.sh
dir=$(dirname "$RING3_KERNEL")

# refused REGEX DESCRIPTION ARGS...
refused()
{
	local regex=$1 desc=$2 out status

	shift 2
	out=$("$build" "$@" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		not_ok "$desc: it was accepted"
	else
		like "$out" "$regex" "$desc"
	fi
}

refused 'no directory /nonexistent.*series such as 6.12' "no such source" --source /nonexistent
refused 'not a Linux source tree' "a source that is no kernel" --source "$T"
mkdir -p "$T/used/include/config"
printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' > "$T/used/Makefile"
: > "$T/used/Kconfig"
refused 'mrproper' "a tree that was built in" --source "$T/used"
refused "no config fragment 'nix'.*debug.config" "no such fragment" --config-fragment nix
refused 'number of jobs' "no number of jobs" -j many
refused 'needs a value' "an option without its value" --source
refused 'unknown option --nix' "an unknown option" --nix
refused 'need --dev' "make targets without --dev" vmlinux

# ---- what a build needs ----

# in_needs COMMAND...: what it says, in a shell that has kernel/build/needs.sh
in_needs()
{
	(
		. "$REPO/scripts/lib.sh"
		. "$REPO/kernel/build/source.sh"
		. "$REPO/kernel/build/needs.sh"
		"$@"
	) 2>&1
}

mkdir -p "$T/new/scripts" "$T/bin"
printf 'VERSION = 9\nPATCHLEVEL = 1\nSUBLEVEL = 0\n' > "$T/new/Makefile"
: > "$T/new/Kconfig"
printf 'case $1 in gcc) echo 99.1.0 ;; *) echo 2.30 ;; esac\n' > "$T/new/scripts/min-tool-version.sh"
like "$(in_needs tree_check "$T/new")" '^ring3: 9.1.0 needs gcc 99.1.0 or newer, and this host has [0-9.]+: put a newer one' "a compiler that is too old for the tree"
printf 'echo 1.0\n' > "$T/new/scripts/min-tool-version.sh"
is "$(in_needs tree_check "$T/new")" "" "one that is not"
printf 'CONFIG_DEBUG_INFO_BTF=y\n' > "$T/btf.config"
for tool in grep head; do
	ln -s "$(command -v $tool)" "$T/bin/$tool"
done
like "$(PATH=$T/bin; in_needs fragments_check "$T/btf.config")" "btf.config needs the program pahole: install" "no pahole"
printf '# CONFIG_VIRTIO_CONSOLE is not set\n' > "$T/drop.config"
like "$(in_needs config_needs "$dir/config" 2>&1)" '^$' "a configuration that has what ring3 needs"
grep -v '^CONFIG_VIRTIO_CONSOLE' "$dir/config" > "$T/dropped"
like "$(in_needs config_needs "$T/dropped" "$T/drop.config")" "drops what ring3 needs, built in: VIRTIO_CONSOLE; take that out of $T/drop.config" "one that drops something, and where"
like "$(PATH=/nonexistent; in_needs tools_check)" "missing on this host: .*apt-get install gcc .*flex bison" "missing programs are named by their packages"

key=$("$build" --key)
is "$("$build" --key)" "$key" "the key is stable"
check "another config has another key" [ "$("$build" --key --debug)" != "$key" ]
like "$key" '^6.12-[0-9a-f]{16}$' "and names the series"

like "$(readelf -hW "$RING3_KERNEL")" 'Type: +EXEC' "vmlinux is a program"
is "$(readelf -lW "$RING3_KERNEL" | grep -cE 'INTERP|DYNAMIC')" 0 "that is linked statically"
is "$(readelf -SW "$RING3_KERNEL" | grep -c '\.debug_')" 0 "without debug information"
release=$(cat "$dir/release")
like "$(debugfs -R "stat /$release/modules.dep" "$RING3_MODULES" 2>/dev/null)" 'Type: regular' \
	"the modules' image holds those of $release"
check "which is a clean file system" e2fsck -fn "$RING3_MODULES"

# What userland needs, from the issue that asked for it.
missing=
for o in SMP MODULES CGROUPS MEMCG CGROUP_PIDS CPUSETS CFS_BANDWIDTH BLK_CGROUP CGROUP_BPF USER_NS PID_NS NET_NS IPC_NS \
	UTS_NS SECCOMP_FILTER OVERLAY_FS EXT4_FS SQUASHFS TMPFS TMPFS_POSIX_ACL FUSE_FS VIRTIO_FS AUTOFS_FS BINFMT_MISC \
	NF_TABLES NFT_NAT NFT_MASQ NFT_COMPAT NF_CONNTRACK BRIDGE VETH TUN VXLAN MACVLAN VLAN_8021Q WIREGUARD BPF_SYSCALL \
	IO_URING INOTIFY_USER FANOTIFY VSOCKETS VIRTIO_VSOCKETS POSIX_MQUEUE SYSVIPC SHMEM MEMFD_CREATE KSM PSI IKCONFIG_PROC \
	KALLSYMS HIGH_RES_TIMERS NO_HZ_IDLE JUMP_LABEL VIRTIO_BLK VIRTIO_CONSOLE VIRTIO_NET HW_RANDOM_VIRTIO VIRTIO_BALLOON \
	DEVTMPFS_MOUNT AUDIT SECURITY_YAMA SECURITY_LANDLOCK KEYS COREDUMP BLK_DEV_LOOP BLK_DEV_DM CRYPTO_USER_API_HASH UNIX INET IPV6; do
	grep -sqE "^CONFIG_$o=(y|m)$" "$dir/config" || missing+=" $o"
done
is "$missing" "" "the config has what userland needs"
is "$(grep -cE '^CONFIG_(NR_CPUS=64|DEFAULT_HOSTNAME="ring3")$' "$dir/config")" 2 "and room for 64 CPUs"
done_testing
