/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of running things in one directory, which is the user's alone: NAME.lock,
 * whose lock its owner holds for as long as it lives, and NAME.sock, where it
 * listens. Guests (state.h) and switches (netswitch.h) are found this way.
 * All return a negative errno when they fail.
 */
#ifndef R3_NAMES_H
#define R3_NAMES_H

/*
 * Makes the name ours until the end of this process, and of those that inherit
 * the descriptor: that of the lock. -EEXIST: it is taken, -EBUSY: the directory
 * stays locked. Removes what the dead left behind.
 */
int names_reserve(int dir, const char *name);
void names_release(int dir, const char *name, int lock);

/* Removes the files of a name if its owner is gone. */
void names_forget(int dir, const char *name);

/* A listening socket of SOCK_STREAM or another type for a name that is ours. */
int names_listen(int dir, const char *name, int type);

/* The socket of a name that is ours becomes that of another that is. */
int names_move(int dir, const char *from, const char *to);

/* Connected; -ENOENT: nobody has the name, -EAGAIN: its owner does not accept. */
int names_connect(int dir, const char *name, int type);

/* How many; the caller frees list and names. */
int names_list(int dir, char ***names);

#endif
