// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "diskopt.h"
#include "qimage.h"

#define KEYS	"ro, format=, serial=, rate= or iops="

#define RATE_MIN	4096
#define RATE_MAX	(1ULL << 40)
#define IOPS_MAX	1000000

static int wrong(const char *option, const char *text, const char *why, struct r3_err *err)
{
	return err_set(err, EINVAL, "%s %s: %s", option, text, why);
}

/* Takes the last key off the path. 1: it did, 0: there is none. */
static int take_key(struct diskopt *d, const char *option, const char *text, struct r3_err *err)
{
	char *comma = strrchr(d->path, ','), *key = comma ? comma + 1 : NULL;

	if (!comma)
		return 0;
	if (!strcmp(key, "ro")) {
		d->ro = true;
	} else if (!strncmp(key, "format=", 7)) {
		d->format = qimage_format(option, key + 7, err);
		if (!d->format)
			return -EINVAL;
	} else if (!strncmp(key, "serial=", 7)) {
		if (!key[7] || strlen(key + 7) >= sizeof(d->serial))
			return wrong(option, text, "a serial has 1 to 20 bytes", err);
		snprintf(d->serial, sizeof(d->serial), "%s", key + 7);
	} else if (!strncmp(key, "rate=", 5)) {
		if (parse_size(key + 5, &d->rate) || d->rate < RATE_MIN || d->rate > RATE_MAX)
			return wrong(option, text, "rate= takes bytes a second from 4K to 1T, as 10M", err);
	} else if (!strncmp(key, "iops=", 5)) {
		if (parse_size(key + 5, &d->iops) || !d->iops || d->iops > IOPS_MAX)
			return wrong(option, text, "iops= takes a number of requests a second, up to 1000000", err);
	} else if (access(d->path, F_OK)) {
		return wrong(option, text, "only " KEYS " may follow the path", err);
	} else {
		return 0;
	}
	*comma = 0;
	return 1;
}

int diskopt_parse(struct diskopt *d, const char *option, const char *text, struct r3_err *err)
{
	int more;

	*d = (struct diskopt){ .format = NULL };
	if (strlen(text) >= sizeof(d->path))
		return err_set(err, ENAMETOOLONG, "%s: the path is too long", option);
	strcpy(d->path, text);
	do {
		more = take_key(d, option, text, err);
	} while (more > 0);
	if (more < 0)
		return more;
	if (!d->path[0])
		return wrong(option, text, "the path of an image is missing", err);
	if (!d->format)
		d->format = qimage_format_of(d->path, err);
	if (!d->format)
		return -EINVAL;
	if (d->serial[0] && strcmp(d->format, QIMAGE_RAW))
		return wrong(option, text, "only raw images can have a serial: qemu-storage-daemon gives one of its own", err);
	return 0;
}
