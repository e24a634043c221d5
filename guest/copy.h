/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ring3 cp`, in the guest: this program again, started as any command, so with the
 * rights of that command's user.
 *
 *	--pack PATH TOP [follow]	a tar archive of PATH, which is called TOP in it
 *	--unpack DEST NAME KIND [owners]	the archive, whose top is NAME, to DEST
 *
 * KIND: file, dir, contents (of the directory NAME), or archive (whatever it has, to
 * the directory DEST).
 */
#ifndef R3_GUEST_COPY_H
#define R3_GUEST_COPY_H

int copy_pack(int argc, char **argv);
int copy_unpack(int argc, char **argv);

#endif
