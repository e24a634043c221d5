// SPDX-License-Identifier: GPL-2.0-or-later
/* linux/magic.h has the numbers of statfs(); where they are on disk is here. */
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "fstype.h"

#define MAGIC_MAX 8

static const struct {
	const char *name;
	off_t offset;
	size_t len;
	unsigned char magic[MAGIC_MAX];
} table[] = {
	{ "ext4", 1024 + 56, 2, { EXT4_SUPER_MAGIC & 0xff, EXT4_SUPER_MAGIC >> 8 } },
	{ "squashfs", 0, 4, { 'h', 's', 'q', 's' } },
	{ "erofs", 1024, 4, { 0xe2, 0xe1, 0xf5, 0xe0 } },
	{ "xfs", 0, 4, { 'X', 'F', 'S', 'B' } },
	{ "btrfs", 65536 + 64, 8, { '_', 'B', 'H', 'R', 'f', 'S', '_', 'M' } },
	{ "f2fs", 1024, 4, { 0x10, 0x20, 0xf5, 0xf2 } },
	{ "iso9660", 32769, 5, { 'C', 'D', '0', '0', '1' } },
};

const char *fstype_of(int fd)
{
	unsigned char buf[MAGIC_MAX];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (pread(fd, buf, table[i].len, table[i].offset) == (ssize_t)table[i].len &&
		    !memcmp(buf, table[i].magic, table[i].len))
			return table[i].name;
	return NULL;
}
