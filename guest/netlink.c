// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	uint8_t attributes[128];
};

static void begin(struct request *r, int type, int flags, size_t fixed)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	r->head.nlmsg_len = NLMSG_LENGTH(fixed);
}

static void add(struct request *r, int type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int ask(int fd, const struct request *r)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t more[1024];
	} answer;
	ssize_t n;

	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(fd, &answer, sizeof(answer), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(answer.head) + sizeof(answer.error.error) || answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

int netlink_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	/* The kernel's end: nobody else's words are taken for its answers. */
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

int netlink_link_up(int fd, int index, uint32_t mtu)
{
	struct request r;

	begin(&r, RTM_NEWLINK, 0, sizeof(r.link));
	r.link.ifi_index = index;
	r.link.ifi_flags = IFF_UP;
	r.link.ifi_change = IFF_UP;
	if (mtu)
		add(&r, IFLA_MTU, &mtu, sizeof(mtu));
	return ask(fd, &r);
}

static size_t size_of(const struct net_address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

int netlink_add_address(int fd, int index, const struct net_address *a)
{
	uint32_t broadcast, mask;
	struct request r;
	int ret;

	begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(r.address));
	r.address.ifa_family = a->family;
	r.address.ifa_prefixlen = a->prefix;
	/* Nobody else can have it, and commands do not wait for the proof. */
	r.address.ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD | IFA_F_PERMANENT : IFA_F_PERMANENT;
	r.address.ifa_index = index;
	add(&r, IFA_LOCAL, a->byte, size_of(a));
	add(&r, IFA_ADDRESS, a->byte, size_of(a));
	if (a->family == AF_INET && a->prefix < 31) {
		memcpy(&broadcast, a->byte, sizeof(broadcast));
		mask = a->prefix ? ~0U << (32 - a->prefix) : 0;
		broadcast |= __builtin_bswap32(~mask);
		add(&r, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
	ret = ask(fd, &r);
	return ret == -EEXIST ? 0 : ret;
}

int netlink_add_default(int fd, int index, const struct net_address *router, uint32_t metric)
{
	uint32_t oif = index;
	struct request r;
	int ret;

	begin(&r, RTM_NEWROUTE, NLM_F_CREATE, sizeof(r.route));
	r.route.rtm_family = router->family;
	r.route.rtm_table = RT_TABLE_MAIN;
	r.route.rtm_protocol = RTPROT_BOOT;
	r.route.rtm_scope = RT_SCOPE_UNIVERSE;
	r.route.rtm_type = RTN_UNICAST;
	/* A router need not be in the prefix of an address, as that of a host route is not. */
	r.route.rtm_flags = RTNH_F_ONLINK;
	add(&r, RTA_GATEWAY, router->byte, size_of(router));
	add(&r, RTA_OIF, &oif, sizeof(oif));
	if (metric)
		add(&r, RTA_PRIORITY, &metric, sizeof(metric));
	ret = ask(fd, &r);
	return ret == -EEXIST ? 0 : ret;
}
