// SPDX-License-Identifier: GPL-2.0-or-later
/* Which request is done by what, and what holds for all of them. */
#include <errno.h>

#include "base/util.h"
#include "op.h"

enum {
	WRITES = 1,			/* refused on a share that is read-only */
	ALONE = 2,			/* no other request is at work */
};

static const struct {
	int (*op)(struct request *r);
	unsigned int flags;
} ops[] = {
	[FUSE_LOOKUP] = { op_lookup },
	[FUSE_FORGET] = { op_forget },
	[FUSE_BATCH_FORGET] = { op_batch_forget },
	[FUSE_GETATTR] = { op_getattr },
	[FUSE_SETATTR] = { op_setattr, WRITES },
	[FUSE_READLINK] = { op_readlink },
	[FUSE_SYMLINK] = { op_symlink, WRITES },
	[FUSE_MKNOD] = { op_mknod, WRITES },
	[FUSE_MKDIR] = { op_mkdir, WRITES },
	[FUSE_UNLINK] = { op_unlink, WRITES },
	[FUSE_RMDIR] = { op_rmdir, WRITES },
	[FUSE_RENAME] = { op_rename, WRITES },
	[FUSE_RENAME2] = { op_rename2, WRITES },
	[FUSE_LINK] = { op_link, WRITES },
	[FUSE_OPEN] = { op_open },
	[FUSE_CREATE] = { op_create, WRITES },
	[FUSE_TMPFILE] = { op_tmpfile, WRITES },
	[FUSE_READ] = { op_read },
	[FUSE_WRITE] = { op_write, WRITES },
	[FUSE_FLUSH] = { op_flush },
	[FUSE_RELEASE] = { op_release },
	[FUSE_FSYNC] = { op_fsync },
	[FUSE_OPENDIR] = { op_opendir },
	[FUSE_READDIR] = { op_readdir },
	[FUSE_READDIRPLUS] = { op_readdirplus },
	[FUSE_RELEASEDIR] = { op_releasedir },
	[FUSE_FSYNCDIR] = { op_fsyncdir },
	[FUSE_STATFS] = { op_statfs },
	[FUSE_SETXATTR] = { op_setxattr, WRITES },
	[FUSE_GETXATTR] = { op_getxattr },
	[FUSE_LISTXATTR] = { op_listxattr },
	[FUSE_REMOVEXATTR] = { op_removexattr, WRITES },
	[FUSE_ACCESS] = { op_access },
	[FUSE_FALLOCATE] = { op_fallocate, WRITES },
	[FUSE_LSEEK] = { op_lseek },
	[FUSE_COPY_FILE_RANGE] = { op_copy_file_range, WRITES },
	[FUSE_SYNCFS] = { op_syncfs },
	[FUSE_GETLK] = { op_getlk },
	[FUSE_SETLK] = { op_setlk },
	[FUSE_SETLKW] = { op_setlk },
	[FUSE_INTERRUPT] = { op_interrupt },
	[FUSE_INIT] = { op_init, ALONE },
	[FUSE_DESTROY] = { op_destroy, ALONE },
};

int dispatch(struct request *r)
{
	struct share *s = r->share;
	uint32_t nr = r->in.opcode;
	int ret;

	if (nr >= ARRAY_SIZE(ops) || !ops[nr].op)
		return -ENOSYS;
	if (ops[nr].flags & ALONE)
		pthread_rwlock_wrlock(&s->session);
	else
		pthread_rwlock_rdlock(&s->session);
	if (!s->begun && nr != FUSE_INIT)
		ret = nr == FUSE_DESTROY ? 0 : -ENOTCONN;
	else if ((ops[nr].flags & WRITES) && s->ro)
		ret = -EROFS;
	else
		ret = ops[nr].op(r);
	pthread_rwlock_unlock(&s->session);
	return ret;
}
