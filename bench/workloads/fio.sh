# SPDX-License-Identifier: GPL-2.0-or-later
# Block I/O past the page cache, on a disk of its own: MB/s in sequence, operations
# a second at random. "flush": each write is followed by one.
seconds=$(size 5 2 1)
common="--filename=$DISK --size=$(size 256 64 8)M --ioengine=psync --direct=1 --allow_mounted_write=0"

# io NAME UNIT OPTIONS...
io()
{
	name=$1 unit=$2
	shift 2
	# shellcheck disable=SC2086
	fio --name="$name" $common --runtime="$seconds" --time_based --output-format=terse "$@" > out 2> err
	# Terse, version 3: bandwidth in KB/s and operations a second of reads, of writes
	value=$(awk -F';' -v unit="$unit" '$1 == 3 && $5 == 0 { print unit == "MB/s" ? ($7 + $48) / 1000 : $8 + $49 }' out)
	case $value in
	''|0) fail "$name" "$unit" "$(tail -n 3 err out)" ;;
	*) row "$name" "$unit" "$value" ;;
	esac
}

# What is read back is what was written, or no row counts.
# shellcheck disable=SC2086
if fio --name=verify $common --size=8M --rw=randwrite --bs=4k --verify=crc32c --output-format=terse > out 2> err; then
	io fio_seq_write MB/s --rw=write --bs=1M
	io fio_seq_read MB/s --rw=read --bs=1M
	io fio_rand_read IOPS --rw=randread --bs=4k
	io fio_rand_write IOPS --rw=randwrite --bs=4k
	io fio_seq_write_flush MB/s --rw=write --bs=1M --fsync=1
	io fio_rand_write_flush IOPS --rw=randwrite --bs=4k --fsync=1
else
	fail fio_verify '' "wrong result: $(tail -n 3 err out)"
fi
