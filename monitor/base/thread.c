// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/thread.h"

#include <signal.h>
#include <string.h>

int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, const char *what, struct r3_err *err)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* A stack that could not be mapped is EAGAIN, too. */
	return ret ? err_set(err, ret, "no thread for %s: %s; raise the limit of processes (ulimit -u), or of mappings (vm.max_map_count)",
			     what, strerror(ret)) : 0;
}
