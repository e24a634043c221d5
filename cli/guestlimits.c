// SPDX-License-Identifier: GPL-2.0-or-later
#include "guestlimits.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "values.h"

static unsigned int host_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? n : 1;
}

int limits_check(const struct limits *l, unsigned int cpus, struct r3_err *err)
{
	unsigned int least = LIMITS_PIDS_MIN + 4 * (cpus - 1);

	if (l->cpu > 100 * host_cpus())
		return err_set(err, EINVAL, "a bound of %u.%02u CPUs is not possible: this host has %u, so give from 0.01 to %u, or none", l->cpu / 100, l->cpu % 100,
			       host_cpus(), host_cpus());
	if (l->weight > LIMITS_WEIGHT_MAX)
		return err_set(err, EINVAL, "a weight of %u is not possible: it is from 1 to %d, and usually %d", l->weight, LIMITS_WEIGHT_MAX, LIMITS_WEIGHT_USUAL);
	if (l->pids && (l->pids < least || l->pids > LIMITS_PIDS_MAX))
		return err_set(err, EINVAL, "a bound of %u processes is not possible: a guest of %u CPU%s needs %u, and has at most %d", l->pids, cpus, cpus == 1 ? "" : "s",
			       least, LIMITS_PIDS_MAX);
	return 0;
}

/* "1.5", or "150%". */
static int parse_cpu(const char *option, const char *text, unsigned int *cpu, struct r3_err *err)
{
	double n;
	char *end;

	*cpu = 0;
	if (!strcmp(text, "none"))
		return 0;
	n = isdigit((unsigned char)text[text[0] == '.']) ? strtod(text, &end) : -1;
	if (n >= 0 && *end == '%' && !end[1])
		n /= 100;
	else if (n >= 0 && *end)
		n = -1;
	/* "!(a < b)" so that what is no number is wrong too. */
	if (!(n >= 0.01) || !(n <= host_cpus()))
		return err_set(err, EINVAL, "--%s %s: give a number of CPUs as 1.5, or 150%%, from 0.01 to the %u that this host has, or none", option, text, host_cpus());
	*cpu = (unsigned int)(n * 100 + 0.5);
	return 0;
}

static int parse_pids(const char *option, const char *text, unsigned int *pids, struct r3_err *err)
{
	*pids = 0;
	if (!strcmp(text, "none"))
		return 0;
	return value_number(option, text, LIMITS_PIDS_MIN, LIMITS_PIDS_MAX, pids, err);
}

bool limits_option(struct limits *l, const char *option, const char *value, int *ret, struct r3_err *err)
{
	if (!strcmp(option, "cpu-limit"))
		*ret = parse_cpu(option, value, &l->cpu, err);
	else if (!strcmp(option, "cpu-weight"))
		*ret = value_number(option, value, 1, LIMITS_WEIGHT_MAX, &l->weight, err);
	else if (!strcmp(option, "pids-limit"))
		*ret = parse_pids(option, value, &l->pids, err);
	else
		return false;
	return true;
}

int limits_nice(unsigned int weight)
{
	double w = LIMITS_WEIGHT_USUAL;
	int nice = 0;

	/* A step of nice is a fourth more, or a fifth less: sched(7). */
	for (; nice < 19 && w / 1.118 > weight; nice++)
		w /= 1.25;
	for (; nice > -20 && w * 1.118 < weight; nice--)
		w *= 1.25;
	return nice;
}
