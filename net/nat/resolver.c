// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "base/bucket.h"
#include "netlog.h"

#define PENDING_S	30		/* then nobody waits for the answer any more */
#define CACHE		256
#define CACHE_NEGATIVE	5
#define CONN_IN		(2 + 1024)	/* a query over TCP */
#define UDP_MOST	4096
#define BLOCKED		"no rule of ring3's --egress allows this name"

struct conn {
	int fd;				/* -1: none */
	bool busy;			/* its query is pending */
	uint32_t serial;
	uint64_t used;
	size_t have;
	uint8_t in[CONN_IN];
};

struct pending {
	bool used;
	uint32_t id;
	uint64_t since;
	struct conn *conn;		/* NULL: a datagram's */
	uint32_t serial;
	struct reply_to to;
	struct dns_query q;
};

struct cached {
	uint64_t until;
	uint16_t type;
	uint8_t rcode, n;
	char name[DNS_NAME];
	struct net_addr addr[8];
};

struct resolver {
	int fd;
	struct policy *policy;
	size_t mtu;
	void (*send)(const uint8_t *frame, size_t len);
	uint32_t next_id;
	struct conn conn[RESOLVER_CONNS];
	struct pending pending[RESOLVER_PENDING];
	struct cached cache[CACHE];
	struct resolve_answer answer;
	uint8_t out[2 + DNS_MAX];
	uint8_t frame[ETH_HEAD + 48 + UDP_MOST];
};

static uint64_t now_s(void)
{
	return clock_ns() / 1000000000;
}

size_t resolve_answer_len(const struct resolve_answer *a)
{
	return offsetof(struct resolve_answer, raw) + (a->kind == RESOLVE_ADDRS ? a->n * sizeof(a->addr[0]) : a->n);
}

int resolver_new(struct resolver **resolver, int fd, struct policy *policy, size_t mtu,
		 void (*send)(const uint8_t *frame, size_t len), struct r3_err *err)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int i;

	if (!r)
		return err_set(err, -ENOMEM, "no memory for the resolver");
	r->fd = fd;
	r->policy = policy;
	r->mtu = mtu;
	r->send = send;
	for (i = 0; i < RESOLVER_CONNS; i++)
		r->conn[i].fd = -1;
	*resolver = r;
	return 0;
}

bool resolver_gone(const struct resolver *r)
{
	return r->fd < 0;
}

/* ---- answers to the guest ---- */

/* Who asked. */
struct asker {
	struct conn *conn;
	const struct reply_to *to;
};

static size_t limit_of(const struct resolver *r, const struct asker *who, const struct dns_query *q)
{
	size_t limit = q->edns ? q->edns : 512, room = r->mtu - 48;

	if (who->conn)
		return DNS_MAX;
	if (limit > UDP_MOST)
		limit = UDP_MOST;
	return limit < room ? limit : room;
}

static void drop_conn(struct conn *c)
{
	if (c->fd >= 0)
		syscall(SYS_close, c->fd);
	c->fd = -1;
	c->serial++;
}

/* The answer is in r->out + 2. */
static void give(struct resolver *r, const struct asker *who, size_t len)
{
	if (!who->conn) {
		r->send(r->frame, reply_udp(r->frame, who->to, r->out + 2, len));
		return;
	}
	put16(r->out, len);
	who->conn->busy = false;
	who->conn->used = now_s();
	if (send(who->conn->fd, r->out, 2 + len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(2 + len))
		drop_conn(who->conn);
}

static void give_addrs(struct resolver *r, const struct asker *who, const struct dns_query *q,
		       enum dns_rcode rcode, const struct net_addr *addr, unsigned int n)
{
	uint64_t now = now_s();
	unsigned int i;

	for (i = 0; i < n; i++)
		policy_learn(r->policy, q->name, &addr[i], now, now + RESOLVER_TTL + RESOLVER_GRACE);
	give(r, who, dns_answer(r->out + 2, limit_of(r, who, q), q, rcode, addr, n, RESOLVER_TTL));
}

static void fail(struct resolver *r, const struct asker *who, const struct dns_query *q, enum dns_rcode rcode)
{
	give(r, who, dns_answer(r->out + 2, limit_of(r, who, q), q, rcode, NULL, 0, 0));
}

/* ---- cache ---- */

static struct cached *cache_slot(struct resolver *r, const char *name, uint16_t type)
{
	uint32_t h = type;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return &r->cache[(h ^ h >> 16) % CACHE];
}

static void cache_put(struct resolver *r, const struct dns_query *q, const struct resolve_answer *a)
{
	struct cached *c = cache_slot(r, q->name, q->type);

	if (a->n > ARRAY_SIZE(c->addr) || a->rcode == DNS_SERVFAIL)
		return;
	c->until = now_s() + (a->n ? RESOLVER_TTL : CACHE_NEGATIVE);
	c->type = q->type;
	c->rcode = a->rcode;
	c->n = a->n;
	strcpy(c->name, q->name);
	memcpy(c->addr, a->addr, a->n * sizeof(c->addr[0]));
}

static bool from_cache(struct resolver *r, const struct asker *who, const struct dns_query *q)
{
	struct cached *c = cache_slot(r, q->name, q->type);

	if (c->until <= now_s() || c->type != q->type || strcmp(c->name, q->name))
		return false;
	give_addrs(r, who, q, c->rcode, c->addr, c->n);
	return true;
}

/* ---- queries ---- */

/* A name below in-addr.arpa is as good as its address. */
static bool allowed(struct resolver *r, const struct dns_query *q)
{
	struct net_addr a;

	if (policy_name(r->policy, q->name))
		return q->type != DNS_PTR || dns_reverse(q->name, &a) ||
		       policy_check(r->policy, POLICY_TCP, &a, 0, now_s(), NULL) == POLICY_ALLOW;
	return !dns_reverse(q->name, &a) && q->type == DNS_PTR &&
	       policy_check(r->policy, POLICY_TCP, &a, 0, now_s(), NULL) == POLICY_ALLOW;
}

static void log_refused(const struct asker *who, const struct dns_query *q, const char *reason)
{
	struct netlog_line line = { .event = "refused", .proto = "dns", .name = q->name, .reason = reason };

	if (who->to) {
		line.src = &who->to->dst;
		line.sport = who->to->dport;
	}
	netlog_write(&line);
}

static void ask(struct resolver *r, const struct asker *who, const struct dns_query *q)
{
	struct pending *p = NULL;
	struct resolve_ask m;
	unsigned int i;

	for (i = 0; i < RESOLVER_PENDING && !p; i++)
		if (!r->pending[i].used || now_s() - r->pending[i].since > PENDING_S)
			p = &r->pending[i];
	if (!p || r->fd < 0) {
		log_refused(who, q, p ? "the resolver has ended" : "too many queries at once");
		fail(r, who, q, DNS_SERVFAIL);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.id = r->next_id++;
	m.type = q->type;
	strcpy(m.name, q->name);
	if (send(r->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(m)) {
		fail(r, who, q, DNS_SERVFAIL);
		return;
	}
	p->used = true;
	p->id = m.id;
	p->since = now_s();
	p->conn = who->conn;
	if (who->conn) {
		p->serial = who->conn->serial;
		who->conn->busy = true;
	} else {
		p->to = *who->to;
	}
	p->q = *q;
}

static void query(struct resolver *r, const struct asker *who, const uint8_t *in, size_t len)
{
	struct dns_query q;
	int ret = dns_parse(in, len, &q);

	if (ret == -EBADMSG)
		return;
	if (ret)
		fail(r, who, &q, ret == -EINVAL ? DNS_FORMERR : DNS_NOTIMP);
	else if (q.odd || !q.name[0])
		/* No host has such a name, and the root has no address. */
		fail(r, who, &q, q.odd ? DNS_NXDOMAIN : DNS_REFUSED);
	else if (!allowed(r, &q)) {
		log_refused(who, &q, "no rule allows this name");
		give(r, who, dns_answer_blocked(r->out + 2, limit_of(r, who, &q), &q, BLOCKED));
	} else if (!from_cache(r, who, &q))
		ask(r, who, &q);
}

void resolver_datagram(struct resolver *r, const struct reply_to *to, const uint8_t *p, size_t len)
{
	struct asker who = { .to = to };

	query(r, &who, p, len);
}

/* ---- answers of the process ---- */

static bool answer_ok(const struct resolve_answer *a, size_t len)
{
	unsigned int i;

	if (len < offsetof(struct resolve_answer, raw) || a->rcode > 15 || len != resolve_answer_len(a))
		return false;
	switch (a->kind) {
	case RESOLVE_ADDRS:
		for (i = 0; i < a->n && i < RESOLVER_ADDRS; i++)
			if (a->addr[i].family != AF_INET && a->addr[i].family != AF_INET6)
				return false;
		return a->n <= RESOLVER_ADDRS;
	case RESOLVE_NAME:
		return a->n && a->n <= DNS_NAME && !a->name[a->n - 1];
	case RESOLVE_RAW:
		return true;
	}
	return false;
}

static void answer(struct resolver *r, size_t len)
{
	struct resolve_answer *a = &r->answer;
	struct pending *p = NULL;
	struct asker who;
	unsigned int i;

	if (!answer_ok(a, len))
		return;
	for (i = 0; i < RESOLVER_PENDING && !p; i++)
		if (r->pending[i].used && r->pending[i].id == a->id)
			p = &r->pending[i];
	if (!p)
		return;
	p->used = false;
	who = (struct asker){ .conn = p->conn, .to = p->conn ? NULL : &p->to };
	/* Of addresses only those of the kind that was asked for. */
	for (i = 0; a->kind == RESOLVE_ADDRS && i < a->n; i++)
		if (a->addr[i].family != (p->q.type == DNS_A ? AF_INET : AF_INET6))
			return;
	if (a->kind == RESOLVE_ADDRS && (p->q.type == DNS_A || p->q.type == DNS_AAAA))
		cache_put(r, &p->q, a);
	if (p->conn && (p->conn->fd < 0 || p->conn->serial != p->serial))
		return;
	if (a->kind == RESOLVE_ADDRS)
		give_addrs(r, &who, &p->q, a->rcode, a->addr, a->n);
	else if (a->kind == RESOLVE_NAME)
		give(r, &who, dns_answer_name(r->out + 2, limit_of(r, &who, &p->q), &p->q, a->name, RESOLVER_TTL));
	else
		give(r, &who, dns_answer_raw(r->out + 2, limit_of(r, &who, &p->q), &p->q, a->raw, a->n));
}

/* ---- TCP: each query after its length; the next is read when one is answered ---- */

int resolver_connect(struct resolver *r)
{
	struct conn *c = &r->conn[0];
	int sv[2], i;

	for (i = 0; i < RESOLVER_CONNS; i++) {
		if (r->conn[i].fd < 0) {
			c = &r->conn[i];
			break;
		}
		if (r->conn[i].used < c->used)
			c = &r->conn[i];
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv))
		return -errno;
	drop_conn(c);
	c->fd = sv[1];
	c->busy = false;
	c->have = 0;
	c->used = now_s();
	return sv[0];
}

static void conn_process(struct resolver *r, struct conn *c)
{
	struct asker who = { .conn = c };
	size_t len;

	while (c->fd >= 0 && !c->busy && c->have >= 2) {
		len = 2 + get16(c->in);
		if (len > sizeof(c->in)) {
			drop_conn(c);
			return;
		}
		if (c->have < len)
			return;
		query(r, &who, c->in + 2, len - 2);
		memmove(c->in, c->in + len, c->have - len);
		c->have -= len;
	}
}

static void conn_input(struct resolver *r, struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT);

	if (n <= 0) {
		if (!n || (errno != EAGAIN && errno != EINTR))
			drop_conn(c);
		return;
	}
	c->have += n;
	conn_process(r, c);
}

unsigned int resolver_pollfds(struct resolver *r, struct pollfd *fds)
{
	unsigned int n = 0, i;

	fds[n++] = (struct pollfd){ .fd = r->fd, .events = POLLIN };
	for (i = 0; i < RESOLVER_CONNS; i++)
		fds[n++] = (struct pollfd){ .fd = r->conn[i].busy || r->conn[i].have == CONN_IN ? -1 : r->conn[i].fd,
					    .events = POLLIN };
	return n;
}

void resolver_poll(struct resolver *r, const struct pollfd *fds, unsigned int n)
{
	ssize_t len;
	unsigned int i;

	if (fds[0].revents && r->fd >= 0) {
		while ((len = recv(r->fd, &r->answer, sizeof(r->answer), MSG_DONTWAIT)) > 0)
			answer(r, len);
		if (!len || (errno != EAGAIN && errno != EINTR)) {
			syscall(SYS_close, r->fd);
			r->fd = -1;
		}
	}
	/* Queries that came behind one that is answered now. */
	for (i = 0; i < RESOLVER_CONNS; i++)
		conn_process(r, &r->conn[i]);
	for (i = 1; i < n; i++)
		if (fds[i].revents && r->conn[i - 1].fd == fds[i].fd && fds[i].fd >= 0)
			conn_input(r, &r->conn[i - 1]);
}
