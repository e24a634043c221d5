// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The resolver's process: asks the host as any program on it does.
 *
 * Theory of operation. THREADS threads wait on one SEQPACKET socket. Each takes
 * a query, asks the C library, sends the answer. So at most that many wait for
 * name servers, and what comes meanwhile is in the socket. When the NAT process
 * has ended, the socket ends, and the first thread that sees it ends the process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jail.h"
#include "resolver.h"

#define THREADS		8
#define STACK		(512 * 1024)

static int parent = -1;

static unsigned int collect(const struct addrinfo *list, struct net_addr *out)
{
	unsigned int n = 0, i;
	struct net_addr a;
	uint16_t port;

	for (; list && n < RESOLVER_ADDRS; list = list->ai_next) {
		if (net_addr_from_sock(list->ai_addr, list->ai_addrlen, &a, &port))
			continue;
		for (i = 0; i < n && !net_addr_same(&a, &out[i]); i++)
			;
		if (i == n)
			out[n++] = a;
	}
	return n;
}

static int lookup(const char *name, int family, struct addrinfo **list)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };

	*list = NULL;
	return getaddrinfo(name, NULL, &hints, list);
}

static void addresses(const struct resolve_ask *ask, struct resolve_answer *a)
{
	struct addrinfo *list;
	int ret = lookup(ask->name, ask->type == DNS_A ? AF_INET : AF_INET6, &list);

	a->kind = RESOLVE_ADDRS;
	a->rcode = DNS_OK;
	if (!ret) {
		a->n = collect(list, a->addr);
	} else if (ret == EAI_NONAME || ret == EAI_NODATA) {
		/* No such name, or one that has addresses of the other family only? */
		if (lookup(ask->name, AF_UNSPEC, &list))
			a->rcode = ret == EAI_NODATA ? DNS_OK : DNS_NXDOMAIN;
	} else {
		a->rcode = DNS_SERVFAIL;
	}
	if (list)
		freeaddrinfo(list);
}

static void host_name(const struct net_addr *addr, struct resolve_answer *a)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr_to_sock(addr, 0, &ss);
	char name[NI_MAXHOST];

	if (getnameinfo((void *)&ss, len, name, sizeof(name), NULL, 0, NI_NAMEREQD) ||
	    strlen(name) >= sizeof(a->name)) {
		a->kind = RESOLVE_ADDRS;
		a->rcode = DNS_NXDOMAIN;
		return;
	}
	a->kind = RESOLVE_NAME;
	a->n = strlen(name) + 1;
	memcpy(a->name, name, a->n);
}

/* Other types are the name servers' alone. */
static void raw(const struct resolve_ask *ask, struct resolve_answer *a)
{
	int n;

	a->kind = RESOLVE_RAW;
	h_errno = 0;
	n = res_query(ask->name, ns_c_in, ask->type, a->raw, sizeof(a->raw));
	if (n > 0 && n <= (int)sizeof(a->raw)) {
		a->n = n;
		return;
	}
	a->kind = RESOLVE_ADDRS;
	a->rcode = h_errno == HOST_NOT_FOUND ? DNS_NXDOMAIN : h_errno == NO_DATA ? DNS_OK : DNS_SERVFAIL;
}

static void *work(void *arg)
{
	struct resolve_answer *a = arg;
	struct resolve_ask ask;
	struct net_addr addr;
	ssize_t n;

	for (;;) {
		n = recv(parent, &ask, sizeof(ask), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		if (n != sizeof(ask))
			continue;
		ask.name[sizeof(ask.name) - 1] = '\0';
		a->id = ask.id;
		a->rcode = DNS_OK;
		a->n = 0;
		if (ask.type == DNS_A || ask.type == DNS_AAAA)
			addresses(&ask, a);
		else if (ask.type == DNS_PTR && !dns_reverse(ask.name, &addr))
			host_name(&addr, a);
		else
			raw(&ask, a);
		if (send(parent, a, resolve_answer_len(a), MSG_NOSIGNAL) < 0 && errno == EPIPE)
			_exit(0);
	}
	return NULL;
}

void resolver_process(int fd, enum jail_mode mode)
{
	struct r3_err err;
	pthread_attr_t attr;
	pthread_t thread;
	char c = 0;
	int i, started = 0;

	prctl(PR_SET_NAME, "ring3-resolver");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	parent = fd;
	/* Each heap of a thread would take a good part of the address space it may have. */
	mallopt(M_ARENA_MAX, 1);
	/* The name is complete as the guest has it: an empty search list, whatever resolv.conf says. */
	setenv("LOCALDOMAIN", "", 1);
	if (nat_jail_resolver(mode, &err)) {
		if (send(fd, err.msg, strlen(err.msg), MSG_NOSIGNAL) < 0)
			_exit(2);
		_exit(1);
	}
	/* Ready. */
	if (send(fd, &c, 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (i = 0; i < THREADS; i++) {
		void *a = malloc(sizeof(struct resolve_answer));

		if (a && !pthread_create(&thread, &attr, work, a))
			started++;
		else
			free(a);
	}
	if (!started)
		_exit(1);
	for (;;)
		pause();
}
