// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * All-stop: gdb and the guest take turns. Thread N + 1 of the protocol is vCPU N.
 * Memory is that of the guest's kernel, as the CPUs see it. What is asked and not
 * known is answered by an empty packet, as the protocol wants it.
 */
#include "gdbstub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "gdbregs.h"
#include "rsp.h"

#define CHUNK	((RSP_MAX - 64) / 2)
#define ALL	(~0ULL)

struct stub {
	struct rsp rsp;
	struct tracee *tr;
	unsigned int cpu;		/* of registers */
	uint64_t go_cpus;		/* of "c" and "s" */
	struct stop stop;
	bool over;
	char packet[RSP_MAX + 1];
	char reply[RSP_MAX + 1];
};

static bool input(void *ctx)
{
	struct stub *s = ctx;

	return rsp_interrupted(&s->rsp);
}

static bool begins(const char *text, const char *with, const char **rest)
{
	size_t len = strlen(with);

	if (strncmp(text, with, len))
		return false;
	*rest = text + len;
	return true;
}

static void say(struct stub *s, const char *text)
{
	rsp_text(&s->rsp, text);
}

static void result(struct stub *s, int ret)
{
	say(s, ret ? "E01" : "OK");
}

static void tell_stop(struct stub *s)
{
	const struct stop *stop = &s->stop;
	char what[64] = "";

	switch (stop->why) {
	case STOP_ENDED:
		say(s, "W00");
		s->over = true;
		return;
	case STOP_BREAK:
		snprintf(what, sizeof(what), "swbreak:;");
		break;
	case STOP_HARD:
		if (stop->hit.kind == BREAK_HARD)
			snprintf(what, sizeof(what), "hwbreak:;");
		else
			snprintf(what, sizeof(what), "%s:%llx;", stop->hit.kind == BREAK_WRITE ? "watch" : "awatch",
				 (unsigned long long)stop->hit.addr);
		break;
	default:
		break;
	}
	s->cpu = stop->cpu;
	snprintf(s->reply, sizeof(s->reply), "T%02xthread:%x;%s", stop->why == STOP_ASKED ? 2 : 5, stop->cpu + 1, what);
	say(s, s->reply);
}

/* ---- going on ---- */

static uint64_t pc_of(struct stub *s, unsigned int cpu)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;

	return tracee_get(s->tr, cpu, &regs, &fp) ? 0 : regs.rip;
}

/* @from to @to: a step is over when it leaves these. */
static void go(struct stub *s, uint64_t step, uint64_t go, uint64_t from, uint64_t to)
{
	uint64_t pc;

	if (s->rsp.at != s->rsp.len && rsp_interrupted(&s->rsp)) {
		s->stop = (struct stop){ .why = STOP_ASKED, .cpu = s->cpu };
		tell_stop(s);
		return;
	}
	do {
		tracee_run(s->tr, step, go, &s->stop);
		pc = pc_of(s, s->stop.cpu);
	} while (s->stop.why == STOP_STEP && pc >= from && pc < to);
	tell_stop(s);
}

/* A thread by its number in hex; -1 is all, 0 any. */
static uint64_t threads(struct stub *s, const char *text)
{
	long n;

	if (*text == '-')
		return ALL;
	n = strtol(text, NULL, 16);
	if (!n)
		return 1ULL << s->cpu;
	return n > 0 && n <= (long)s->tr->nr ? 1ULL << (n - 1) : 0;
}

/* ACTION[:THREAD][;...]: for each thread the first that it is in. */
static void v_cont(struct stub *s, const char *text)
{
	uint64_t step = 0, run = 0, from = 0, to = 0, who;

	while (*text == ';') {
		char action = text[1];
		char *end = (char *)text + 2;

		if (action == 'r') {
			from = strtoull(end, &end, 16);
			to = *end == ',' ? strtoull(end + 1, &end, 16) : 0;
		} else if (action == 'C' || action == 'S') {
			/* The guest's own signals are passed on anyway. */
			strtoul(end, &end, 16);
		}
		who = (*end == ':' ? threads(s, end + 1) : ALL) & ~(step | run);
		if (action == 's' || action == 'S' || action == 'r')
			step |= who;
		else if (action == 'c' || action == 'C')
			run |= who;
		text = end + strcspn(end, ";");
	}
	go(s, step, run, from, to);
}

/* ---- registers ---- */

/* 0: not known. */
static uint64_t task_of(struct stub *s, unsigned int cpu)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;

	return tracee_get(s->tr, cpu, &regs, &fp) ? 0 : vmem_task(s->tr->mem, regs.gs_base);
}

static int get_regs(struct stub *s, unsigned char *out)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;
	int ret = tracee_get(s->tr, s->cpu, &regs, &fp);

	if (!ret)
		gdbregs_pack(out, &regs, &fp);
	return ret;
}

static int set_regs(struct stub *s, const unsigned char *in)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;
	int ret = tracee_get(s->tr, s->cpu, &regs, &fp);

	if (ret)
		return ret;
	gdbregs_unpack(in, &regs, &fp);
	return tracee_set(s->tr, s->cpu, &regs, &fp);
}

static void read_regs(struct stub *s, const char *one)
{
	unsigned char all[GDBREGS_SIZE];
	size_t at = 0, len = one ? gdbregs_place(strtoul(one, NULL, 16), &at) : GDBREGS_SIZE;

	if (!len || get_regs(s, all)) {
		say(s, "E01");
		return;
	}
	rsp_hex(s->reply, all + at, len);
	say(s, s->reply);
}

static void write_regs(struct stub *s, const char *text, bool one)
{
	unsigned char all[GDBREGS_SIZE];
	size_t at = 0, len = GDBREGS_SIZE;
	char *end = (char *)text;

	if (one) {
		len = gdbregs_place(strtoul(text, &end, 16), &at);
		end += *end == '=';
	}
	if (!len || get_regs(s, all) || rsp_unhex(all + at, end, len) != len) {
		say(s, "E01");
		return;
	}
	result(s, set_regs(s, all));
}

/* ---- memory ---- */

/* ADDR,LEN; what follows. */
static const char *range(const char *text, uint64_t *addr, size_t *len)
{
	char *end;

	*addr = strtoull(text, &end, 16);
	*len = *end == ',' ? strtoull(end + 1, &end, 16) : 0;
	return *end == ':' ? end + 1 : end;
}

static void read_memory(struct stub *s, const char *text)
{
	uint8_t data[CHUNK];
	uint64_t addr;
	size_t len;

	range(text, &addr, &len);
	len = min_t(size_t, len, sizeof(data));
	vmem_set_user(s->tr->mem, addr < R3_TASK_SIZE ? task_of(s, s->cpu) : 0);
	/* What can be had of it, if not all. */
	while (len && vmem_read(s->tr->mem, addr, data, len))
		len = len > 4096 ? 4096 : len / 2;
	if (!len) {
		say(s, "E14");
		return;
	}
	breaks_hide(&s->tr->breaks, addr, data, len);
	rsp_hex(s->reply, data, len);
	say(s, s->reply);
}

static void write_memory(struct stub *s, const char *text, int packet_len, bool binary)
{
	uint8_t data[RSP_MAX];
	uint64_t addr;
	size_t len, have;
	const char *from = range(text, &addr, &len);

	if (len > sizeof(data)) {
		say(s, "E01");
		return;
	}
	have = s->packet + packet_len - from;
	vmem_set_user(s->tr->mem, addr < R3_TASK_SIZE ? task_of(s, s->cpu) : 0);
	if (binary)
		memcpy(data, from, min_t(size_t, have, len));
	else
		have = rsp_unhex(data, from, len);
	if (have < len || vmem_write(s->tr->mem, addr, data, len)) {
		say(s, "E14");
		return;
	}
	breaks_written(&s->tr->breaks, addr, data, len);
	say(s, "OK");
}

static void break_packet(struct stub *s, const char *text, bool set)
{
	int kind = text[0] - '0', ret;
	uint64_t addr;
	size_t len;

	if (kind < 0 || kind > 4 || kind == BREAK_READ || text[1] != ',') {
		say(s, "");
		return;
	}
	range(text + 2, &addr, &len);
	ret = set ? breaks_set(&s->tr->breaks, kind, addr, len) : breaks_clear(&s->tr->breaks, kind, addr, len);
	result(s, ret);
}

/* ---- questions ---- */

/* OFFSET,LENGTH of a text. */
static void piece(struct stub *s, const char *text, const char *args)
{
	size_t size = strlen(text), len;
	uint64_t at;

	range(args, &at, &len);
	if (at > size)
		at = size;
	len = min_t(size_t, len, RSP_MAX - 16);
	len = min_t(size_t, len, size - at);
	s->reply[0] = at + len < size ? 'm' : 'l';
	memcpy(s->reply + 1, text + at, len);
	rsp_send(&s->rsp, s->reply, len + 1);
}

static void thread_list(struct stub *s, const char *args)
{
	char xml[R3_MAX_CPUS * 96 + 64], comm[16], *c;
	unsigned int i;
	int pid;
	size_t n = snprintf(xml, sizeof(xml), "<?xml version=\"1.0\"?><threads>");

	for (i = 0; i < s->tr->nr; i++) {
		if (!tracee_alive(s->tr, i))
			continue;
		n += snprintf(xml + n, sizeof(xml) - n, "<thread id=\"%x\" name=\"vcpu%u\">", i + 1, i);
		if (vmem_task_name(s->tr->mem, task_of(s, i), comm, &pid)) {
			/* The guest's words. */
			for (c = comm; *c; c++)
				if (*c < 32 || *c > 126 || strchr("<>&\"", *c))
					*c = '?';
			n += snprintf(xml + n, sizeof(xml) - n, "%s[%d]", comm, pid);
		}
		n += snprintf(xml + n, sizeof(xml) - n, "</thread>");
	}
	snprintf(xml + n, sizeof(xml) - n, "</threads>");
	piece(s, xml, args);
}

static void first_threads(struct stub *s)
{
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < s->tr->nr; i++)
		if (tracee_alive(s->tr, i))
			n += snprintf(s->reply + n, sizeof(s->reply) - n, "%c%x", n ? ',' : 'm', i + 1);
	say(s, n ? s->reply : "l");
}

static void query(struct stub *s, const char *q)
{
	const char *rest;

	if (begins(q, "qSupported", &rest)) {
		snprintf(s->reply, sizeof(s->reply), "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
			 "swbreak+;hwbreak+;vContSupported+", RSP_MAX);
		say(s, s->reply);
	} else if (!strcmp(q, "QStartNoAckMode")) {
		say(s, "OK");
		s->rsp.no_ack = true;
	} else if (begins(q, "qXfer:features:read:target.xml:", &rest)) {
		piece(s, gdbregs_xml(), rest);
	} else if (begins(q, "qXfer:threads:read::", &rest)) {
		thread_list(s, rest);
	} else if (!strcmp(q, "qfThreadInfo")) {
		first_threads(s);
	} else if (!strcmp(q, "qsThreadInfo")) {
		say(s, "l");
	} else if (!strcmp(q, "qC")) {
		snprintf(s->reply, sizeof(s->reply), "QC%x", s->cpu + 1);
		say(s, s->reply);
	} else if (begins(q, "qAttached", &rest)) {
		say(s, "1");
	} else {
		say(s, "");
	}
}

static void choose(struct stub *s, const char *text)
{
	uint64_t who = threads(s, text + 1);

	if (text[0] == 'c') {
		s->go_cpus = who ?: ALL;
	} else if (who && who != ALL) {
		s->cpu = __builtin_ctzll(who);
	}
	say(s, who ? "OK" : "E01");
}

static void take(struct stub *s, const char *p, int len)
{
	const char *rest;

	switch (p[0]) {
	case '?': tell_stop(s); break;
	case 'g': read_regs(s, NULL); break;
	case 'G': write_regs(s, p + 1, false); break;
	case 'p': read_regs(s, p + 1); break;
	case 'P': write_regs(s, p + 1, true); break;
	case 'm': read_memory(s, p + 1); break;
	case 'M': write_memory(s, p + 1, len, false); break;
	case 'X': write_memory(s, p + 1, len, true); break;
	case 'Z': break_packet(s, p + 1, true); break;
	case 'z': break_packet(s, p + 1, false); break;
	case 'H': choose(s, p + 1); break;
	case 'T': result(s, !(threads(s, p + 1) && tracee_alive(s->tr, __builtin_ctzll(threads(s, p + 1))))); break;
	case 'c': case 'C': go(s, 0, ALL, 0, 0); break;
	case 's': case 'S': go(s, s->go_cpus == ALL ? 1ULL << s->cpu : s->go_cpus, 0, 0, 0); break;
	case 'D':
		say(s, "OK");
		s->over = true;
		break;
	case 'k':
		s->over = true;
		break;
	case 'q': case 'Q': query(s, p); break;
	case 'v':
		if (!strcmp(p, "vCont?")) {
			say(s, "vCont;c;C;s;S;r");
		} else if (begins(p, "vCont", &rest)) {
			v_cont(s, rest);
		} else if (begins(p, "vKill", &rest)) {
			/* The guest is not the debugger's to end. */
			say(s, "OK");
			s->over = true;
		} else {
			say(s, "");
		}
		break;
	default:
		say(s, "");
	}
}

bool gdbstub_serve(struct tracee *tr, int in, int out)
{
	struct stub *s = calloc(1, sizeof(*s));
	bool alive = true;
	int len;

	if (!s)
		return true;
	s->rsp = (struct rsp){ .in = in, .out = out };
	s->tr = tr;
	s->go_cpus = ALL;
	tr->input = input;
	tr->ctx = s;
	tr->fd = in;
	while (!s->over) {
		len = rsp_receive(&s->rsp, s->packet);
		if (len < 0)
			break;
		take(s, s->packet, len);
	}
	alive = s->stop.why != STOP_ENDED;
	free(s);
	return alive;
}
