// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <linux/sched/types.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PASSRIGHTS			/* Linux 6.16 */
#define SO_PASSRIGHTS	83
#endif

ssize_t read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

int write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

void util_close_range(int first, int last)
{
	if (first > last || !syscall(SYS_close_range, first, last, 0))
		return;
	/* A filter from before that call: one by one, as far as programs get. */
	for (last = min_t(int, last, 4096); first <= last; first++)
		close(first);
}

void util_no_descriptors(int socket)
{
	const int no = 0;

	setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof(no));
}

int parse_size(const char *s, uint64_t *size)
{
	static const char units[] = "kmgt";
	unsigned int shift = 0;
	const char *unit;
	uint64_t value;
	char *end;

	/* strtoull takes signs and blanks; a size has none. */
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	value = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;

	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (unit) {
			shift = 10 * (unit - units + 1);
			end++;
			if (*end == 'i' && end[1] == 'B')
				end++;
		}
		if (*end == 'B')
			end++;
		if (*end)
			return -EINVAL;
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*size = value << shift;
	return 0;
}

int event_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void event_post(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void event_take(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

#define SHORTEST_SLICE_NS	100000

void sched_short_slices(void)
{
	struct sched_attr attr;

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0))
		return;
	if (attr.sched_policy)		/* not the normal one */
		return;
	attr.sched_runtime = SHORTEST_SLICE_NS;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}
