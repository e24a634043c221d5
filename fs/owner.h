/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As whose the guest sees an inode, with which mode and as what.
 *
 * Theory of operation. Without more, an inode of who serves is root's (or uid=, gid=), of
 * anybody else it is nobody's (65534), and its mode is the host's without set-user-ID
 * and set-group-ID, as those would be for another user than the host meant. What the guest
 * makes otherwise is in the attribute user.containers.override_stat, in the format that
 * podman's storage has: "UID:GID:MODE:TYPE", where MODE is octal and TYPE one of file, dir,
 * pipe, socket, block-MAJOR-MINOR, char-MAJOR-MINOR. (Values without TYPE, and with the type
 * in MODE, are understood.) On the host such an inode is a plain file or directory whose owner
 * may always read and write, and which has none of the special bits.
 *
 * Where there are no such attributes, of symbolic links and on file systems without, what the
 * guest sets is kept in memory as long as the share is served.
 */
#ifndef R3_FS_OWNER_H
#define R3_FS_OWNER_H

#include "inode.h"

#define OWNER_XATTR	"user.containers.override_stat"
#define OWNER_NOBODY	65534

/* What the guest is shown; @fd any descriptor of the inode. 0 or -errno. */
int owner_get(struct share *s, struct inode *i, int fd, const struct stat *st, struct owner *o);

/*
 * The same of a name in a directory, without a descriptor of it. False if what it stands for
 * changed meanwhile, or cannot be told so.
 */
bool owner_by_name(struct share *s, int dir, const char *name, const struct stat *st, struct owner *o);

/*
 * Has the guest see @o from now on. The host's mode changes with it. st is brought up to date.
 * @fresh: it was made just now, and nothing is kept of it yet
 */
int owner_set(struct share *s, struct inode *i, int fd, struct stat *st, const struct owner *o, bool fresh);

/* The mode that the host's inode has for what the guest asked for. */
mode_t owner_host_mode(uint32_t mode);

/* "UID:GID:MODE[:TYPE]" to what it means for an inode of @type. -EINVAL if it is none. */
int owner_parse(const char *text, mode_t type, struct owner *o);
int owner_format(char *text, size_t size, const struct owner *o);

/* Takes set-user-ID and set-group-ID away as a write does. */
int owner_kill_suid(struct share *s, struct inode *i, int fd);

#endif
