// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "values.h"

static int parse_number(const char *text, const char **end, unsigned long *value)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*value = strtoul(text, &stop, 10);
	*end = stop;
	return errno ? -ERANGE : 0;
}

int value_number(const char *option, const char *text, unsigned long min, unsigned long max,
		 unsigned int *value, struct r3_err *err)
{
	unsigned long n;
	const char *end;

	if (parse_number(text, &end, &n) || *end || n < min || n > max)
		return err_set(err, EINVAL, "--%s %s: give a number from %lu to %lu", option, text, min, max);
	*value = n;
	return 0;
}

int value_time(const char *option, const char *text, int64_t *ms, struct r3_err *err)
{
	double seconds, factor = 1;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || !isdigit((unsigned char)text[text[0] == '.']))
		goto wrong;
	switch (*end) {
	case 's':
		end++;
		break;
	case 'm':
		factor = 60;
		end++;
		break;
	case 'h':
		factor = 3600;
		end++;
		break;
	}
	seconds *= factor;
	/* "!(a < b)" so that what is no number is wrong too. */
	if (*end || !(seconds >= 0.001) || !(seconds <= 1e9))
		goto wrong;
	*ms = (int64_t)(seconds * 1000);
	return 0;
wrong:
	return err_set(err, EINVAL, "--%s %s: give seconds, or a time like 10m or 2h", option, text);
}

int value_size(const char *option, const char *text, uint64_t *size, struct r3_err *err)
{
	int ret = parse_size(text, size);

	if (ret == -ERANGE)
		return err_set(err, ret, "--%s %s is too large", option, text);
	if (ret)
		return err_set(err, ret, "--%s %s: give a size like 512M or 2G", option, text);
	/* A bare small number was meant as something else. */
	if (*size && *size < 65536 && isdigit((unsigned char)text[strlen(text) - 1]))
		return err_set(err, EINVAL, "--%s %s is %s bytes: give a size like %sM", option, text, text, text);
	return 0;
}

int value_user(const char *option, const char *text, unsigned int *uid, unsigned int *gid,
	       struct r3_err *err)
{
	unsigned long u, g;
	const char *end;

	if (parse_number(text, &end, &u))
		goto wrong;
	g = u;
	if (*end == ':' && parse_number(end + 1, &end, &g))
		goto wrong;
	if (*end || u > 0xfffffffe || g > 0xfffffffe)
		goto wrong;
	*uid = u;
	*gid = g;
	return 0;
wrong:
	return err_set(err, EINVAL, "--%s %s: give the number of a user, or UID:GID", option, text);
}

/* One CPU for the list. */
static int add_host_cpu(const char *option, unsigned long cpu, const cpu_set_t *allowed,
			unsigned short *list, unsigned int *nr, unsigned int max, struct r3_err *err)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < *nr; i++)
		if (list[i] == cpu)
			return err_set(err, EINVAL, "--%s names host CPU %lu twice", option, cpu);
	if (cpu >= max)
		return err_set(err, EINVAL, "--%s: host CPU %lu is not possible; they are 0 to %u", option, cpu, max - 1);
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%lu", cpu);
	if (!CPU_ISSET(cpu, allowed) && !access("/sys/devices/system/cpu/cpu0", F_OK) && access(path, F_OK))
		return err_set(err, EINVAL, "--%s: this host has no CPU %lu; \"lscpu --extended\" lists those it has", option, cpu);
	if (!CPU_ISSET(cpu, allowed))
		return err_set(err, EPERM, "--%s: host CPU %lu is not one that ring3 may use here; \"taskset -cp $$\" lists those, and taskset or the cpuset of a container sets them", option, cpu);
	list[(*nr)++] = cpu;
	return 0;
}

int value_host_cpus(const char *option, const char *text, unsigned short *list, unsigned int *nr,
		    unsigned int max, struct r3_err *err)
{
	const char *p = text;
	cpu_set_t allowed;
	int ret;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return err_set(err, errno, "--%s: cannot tell which host CPUs ring3 may use: %s", option, strerror(errno));
	*nr = 0;
	for (;;) {
		unsigned long first, last, step = 1;

		if (parse_number(p, &p, &first))
			goto wrong;
		last = first;
		if (*p == '-' && (parse_number(p + 1, &p, &last) || last < first))
			goto wrong;
		if (*p == ':' && (parse_number(p + 1, &p, &step) || !step))
			goto wrong;
		for (; first <= last; first += step) {
			ret = add_host_cpu(option, first, &allowed, list, nr, max, err);
			if (ret)
				return ret;
			if (step > last - first)
				break;
		}
		if (!*p)
			return 0;
		if (*p++ != ',')
			goto wrong;
	}
wrong:
	return err_set(err, EINVAL, "--%s %s: give host CPUs, as 0,2 or 0-3 or 0-3,6", option, text);
}

int value_env(const char *option, const char *text, char **list, int *nr, int max, struct r3_err *err)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return err_set(err, EINVAL, "--%s %s: give NAME=VALUE", option, text);
	if (*nr >= max)
		return err_set(err, E2BIG, "--%s: at most %d variables can be given", option, max);
	list[(*nr)++] = (char *)text;
	return 0;
}
