// SPDX-License-Identifier: GPL-2.0-or-later
/* The session's begin and end. Both are called alone: no other request is at work. */
#include <errno.h>

#include "base/util.h"
#include "lock.h"
#include "op.h"

#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP	(1ULL << 36)
#endif

/* A request of that many pages, with its header, its arguments and those of the answer, is a chain that a queue can hold. */
#define MAX_PAGES	240
#define PAGE		4096

static void forget_all(struct share *s)
{
	locks_reset(s);
	files_reset(s);
	inodes_reset(s);
	s->begun = false;
}

int op_init(struct request *r)
{
	struct share *s = r->share;
	const struct fuse_init_in *in;
	struct fuse_init_in new = { 0 };
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION };
	uint64_t offered, flags;
	size_t old = offsetof(struct fuse_init_in, flags2);

	/* Older guests have a shorter one. */
	if (request_left(r) < old)
		return -EINVAL;
	in = request_arg(r, old);
	new.major = in->major;
	new.minor = in->minor;
	new.max_readahead = in->max_readahead;
	new.flags = in->flags;
	if ((new.flags & FUSE_INIT_EXT) && request_left(r) >= sizeof(new.flags2))
		new.flags2 = *(const uint32_t *)request_arg(r, sizeof(new.flags2));
	/* It asks again with ours. */
	if (new.major > FUSE_KERNEL_VERSION)
		return request_put(r, &out, sizeof(out));
	if (new.major < FUSE_KERNEL_VERSION || new.minor < 31)
		return -EPROTO;
	forget_all(s);

	/*
	 * Names come with their attributes, always: an entry costs a tenth of a request, and most who
	 * read a directory ask for each.
	 */
	flags = FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS |
		FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_HANDLE_KILLPRIV_V2 | FUSE_EXPORT_SUPPORT | FUSE_INIT_EXT;
	if (s->cache != SHARE_ALWAYS)
		flags |= FUSE_AUTO_INVAL_DATA;
	if (s->cache != SHARE_NONE)
		flags |= FUSE_CACHE_SYMLINKS;
	else
		flags |= FUSE_DIRECT_IO_ALLOW_MMAP;
	if (s->host_locks)
		flags |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
	offered = new.flags | (uint64_t)new.flags2 << 32;
	flags &= offered;
	out.flags = flags;
	out.flags2 = flags >> 32;
	out.max_readahead = new.max_readahead;
	out.max_background = 64;
	out.congestion_threshold = 48;
	out.max_pages = flags & FUSE_MAX_PAGES ? MAX_PAGES : 0;
	out.max_write = (flags & FUSE_MAX_PAGES ? MAX_PAGES : 32) * PAGE;
	out.time_gran = 1;
	s->max_write = out.max_write;
	s->begun = true;
	return request_put(r, &out, sizeof(out));
}

int op_destroy(struct request *r)
{
	forget_all(r->share);
	return 0;
}
