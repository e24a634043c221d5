// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_backend.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/util.h"
#include "tap.h"

const char *const lie_names[] = {
	"is honest", "closes", "is silent", "sends half an answer", "closes within an answer", "answers another request",
	"answers without the flag", "answers in another version", "sends a short answer", "sends a long answer",
	"announces 4 GiB", "sends an empty answer", "refuses", "answers for another queue",
};

struct backend b;
struct drv d;
struct dev_vhost cfg;
static int ours = -1;

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- the back end ---- */

static bool get(void *buf, size_t len, int *fd)
{
	size_t have = 0;

	while (have < len) {
		union {
			struct cmsghdr align;
			char buf[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec iov = { (char *)buf + have, len - have };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(b.sock, &msg, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

		if (n <= 0)
			return false;
		if (c && fd)
			memcpy(fd, CMSG_DATA(c), sizeof(*fd));
		have += n;
	}
	return true;
}

static void put(const void *buf, size_t len)
{
	if (send(b.sock, buf, len, MSG_NOSIGNAL) < 0)
		return;
}

void put_with_fd(const void *buf, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)) };
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	if (sendmsg(b.sock, &msg, MSG_NOSIGNAL) < 0)
		put(buf, len);
}

/* Return: false when the conversation is over. */
static bool reply(uint32_t request, const void *payload, uint32_t size)
{
	struct {
		struct vhost_user_header h;
		uint8_t payload[512];
	} m = { .h = { request, VHOST_USER_VERSION | VHOST_USER_REPLY, size } };
	enum lie lie = request == (uint32_t)b.lie_at ? b.lie : HONEST;
	uint32_t one = 1;

	memcpy(m.payload, payload, size);
	switch (lie) {
	case CLOSES:
		return false;
	case SILENT:
		return true;
	case HALF:
		put(&m, sizeof(m.h) - 2);
		return true;
	case HALF_CLOSES:
		put(&m, sizeof(m.h) + 1);
		return false;
	case OTHER_REQUEST:
		m.h.request++;
		break;
	case NO_REPLY_FLAG:
		m.h.flags &= ~VHOST_USER_REPLY;
		break;
	case VERSION_2:
		m.h.flags ^= VHOST_USER_VERSION_MASK;
		break;
	case SHORT_ANSWER:
		m.h.size = --size;
		break;
	case LONG_ANSWER:
		m.h.size = ++size;
		break;
	case GIANT_ANSWER:
		m.h.size = ~0u;
		break;
	case EMPTY_ANSWER:
		m.h.size = size = 0;
		break;
	case REFUSES:
	case OTHER_QUEUE:
		memcpy(m.payload, &one, sizeof(one));
		break;
	default:
		break;
	}
	if (b.sends_fds)
		put_with_fd(&m, sizeof(m.h) + size, 2);
	else
		put(&m, sizeof(m.h) + size);
	return true;
}

static void serve(unsigned int q)
{
	static struct virtq_chain chain;
	struct virtq *vq = &b.vq[q];

	while (virtq_getchain(vq, &chain) > 0) {
		struct virtio_blk_outhdr hdr;
		uint64_t at, len = chain.in_len - 1;
		uint8_t status = VIRTIO_BLK_S_OK;
		struct iovec part[8];
		unsigned int n;

		iov_read(chain.iov, chain.nr_out, 0, &hdr, sizeof(hdr));
		at = le64toh(hdr.sector) * 512;
		if (le32toh(hdr.type) == VIRTIO_BLK_T_OUT)
			iov_read(chain.iov, chain.nr_out, sizeof(hdr), b.disk + at, chain.out_len - sizeof(hdr));
		if (le32toh(hdr.type) == VIRTIO_BLK_T_IN)
			iov_write(chain.iov + chain.nr_out, chain.nr_in, 0, b.disk + at, len);
		n = iov_slice(part, chain.iov + chain.nr_out, chain.nr_in, len, 1);
		iov_write(part, n, 0, &status, 1);
		virtq_relchain(vq, &chain, len + 1);
	}
	if (virtq_endchains(vq))
		event_post(b.call[q]);
}

static void take_and_die(unsigned int q)
{
	static struct virtq_chain chain;
	struct inflight *f = (void *)((char *)b.inflight + q * inflight_size(b.inflight_has.queue_size));
	uint16_t head = 0;
	unsigned int i;

	for (i = 0; i < b.takes && virtq_getchain(&b.vq[q], &chain) > 0; i++) {
		inflight_take(f, chain.head);
		if (!i)
			head = chain.head;
	}
	if (b.first != HANDS_BACK_NONE) {
		inflight_returns(f, head);
		chain.head = head;
		virtq_relchain(&b.vq[q], &chain, 0);
		if (b.first == HANDS_BACK)
			inflight_returned(f, head, b.vq[q].used_idx);
	}
	if (b.scribbles)
		memset(b.inflight, 1, b.inflight_has.mmap_size);
}

static void *in_backend(uint64_t user)
{
	return (char *)b.mem.base + (user - b.user_addr);
}

static void run_queue(unsigned int q)
{
	struct vhost_user_vring_addr *a = &b.addr[q];

	if (virtq_init(&b.vq[q], &b.mem, b.set_features, b.num[q], a->desc - b.user_addr, a->avail - b.user_addr,
		       a->used - b.user_addr))
		tap_bail("back end: an impossible queue");
	b.running[q] = true;
	serve(q);
}

static void map(const struct vhost_user_memory *table, int fd)
{
	b.memories++;
	if (b.mem.base)
		munmap(b.mem.base, b.mem.size);
	b.mem.size = table->region[0].size;
	b.user_addr = table->region[0].user_addr;
	b.mem.base = mmap(NULL, b.mem.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b.mem.base == MAP_FAILED)
		tap_bail("back end: mmap: %s", strerror(errno));
	close(fd);
}

static bool stop_queue(struct vhost_user_vring_state *state)
{
	unsigned int q = state->index;

	if (b.slow_stop) {
		usleep(SLOW_MS * 1000);
		/* Until it has answered it may. */
		*(uint8_t *)in_backend(b.addr[q].desc) = 0x5a;
	}
	state->num = b.vq[q].last_avail;
	b.running[q] = b.enabled[q] = false;
	close(b.kick[q]);
	close(b.call[q]);
	return reply(VHOST_USER_GET_VRING_BASE, state, sizeof(*state));
}

/* Return: false when the conversation is over. */
static bool request(void)
{
	union {
		uint64_t u64;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addr addr;
		struct vhost_user_memory memory;
		struct vhost_user_config config;
		uint8_t bytes[4096];
	} p;
	struct vhost_user_header h;
	uint64_t zero = 0;
	int fd = -1;
	unsigned int q;

	if (!get(&h, sizeof(h), &fd) || h.size > sizeof(p) || (h.size && !get(&p, h.size, NULL)))
		return false;
	q = p.state.index % QUEUES;
	switch (h.request) {
	case VHOST_USER_GET_FEATURES:
		return reply(h.request, &b.features, 8);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return reply(h.request, &b.protocol, 8);
	case VHOST_USER_GET_QUEUE_NUM:
		return reply(h.request, &b.queues, 8);
	case VHOST_USER_GET_CONFIG:
		p.config.offset = b.config_offset;
		p.config.size = b.config_size;
		memcpy(p.config.region, &b.config, CONFIG_SIZE);
		return reply(h.request, &p, h.size);
	case VHOST_USER_GET_VRING_BASE:
		return stop_queue(&p.state);
	case VHOST_USER_SET_FEATURES:
		b.set_features = p.u64;
		break;
	case VHOST_USER_SET_MEM_TABLE:
		map(&p.memory, fd);
		break;
	case VHOST_USER_SET_INFLIGHT_FD:
		memcpy(&b.inflight_has, &p, sizeof(b.inflight_has));
		b.inflight = mmap(NULL, b.inflight_has.mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, b.inflight_has.mmap_offset);
		if (b.inflight == MAP_FAILED || !ftruncate(fd, 0))
			tap_bail("back end: memory for what is in flight that can be made shorter, or cannot be mapped");
		close(fd);
		break;
	case VHOST_USER_SET_VRING_NUM:
		b.num[q] = p.state.num;
		break;
	case VHOST_USER_SET_VRING_ADDR:
		b.addr[q] = p.addr;
		break;
	case VHOST_USER_SET_VRING_CALL:
		b.call[q] = fd;
		break;
	case VHOST_USER_SET_VRING_KICK:
		b.kick[q] = fd;
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		b.enabled[q] = p.state.num;
		run_queue(q);
		if (b.talks)
			put("hello", 5);
		break;
	}
	if (!(h.flags & VHOST_USER_NEED_REPLY))
		return !(h.request == (uint32_t)b.lie_at && b.lie == CLOSES);
	return reply(h.request, &zero, 8);
}

static void *backend_thread(void *arg)
{
	for (;;) {
		struct pollfd pfd[2 + QUEUES] = { { b.sock, POLLIN, 0 }, { b.stop_fd, POLLIN, 0 } };
		unsigned int q;

		for (q = 0; q < QUEUES; q++)
			pfd[2 + q] = (struct pollfd){ b.running[q] ? b.kick[q] : -1, POLLIN, 0 };
		poll(pfd, 2 + QUEUES, -1);
		for (q = 0; q < QUEUES; q++) {
			if (!b.running[q] || !(pfd[2 + q].revents & POLLIN))
				continue;
			event_take(b.kick[q]);
			if (b.takes)
				take_and_die(q);
			if (b.dies || b.takes)
				goto out;
			serve(q);
			if (b.steals)
				event_take(b.call[q]);
		}
		if (pfd[1].revents)
			break;
		if (pfd[0].revents && !request())
			break;
	}
out:
	close(b.sock);
	return NULL;
}

void honest(void)
{
	memset(&b, 0, offsetof(struct backend, disk));
	b.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
		     BIT(VHOST_USER_F_PROTOCOL_FEATURES) | BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ) | BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(27) | BIT(38);
	b.protocol = BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
		     BIT(VHOST_USER_PROTOCOL_F_CONFIG) | BIT(5) | BIT(12);
	b.queues = QUEUES;
	b.config.capacity = htole64(SECTORS);
	b.config.seg_max = htole32(1000);
	b.config.blk_size = htole32(512);
	b.config.num_queues = htole16(QUEUES);
	b.config_size = CONFIG_SIZE;
	b.lie_at = -1;
	cfg = (struct dev_vhost){ .kind = DEV_VHOST_BLK, .name = "disk test" };
}

void begin_backend(void)
{
	if (pthread_create(&b.thread, NULL, backend_thread, NULL))
		tap_bail("no thread for a back end");
}

struct dev *create(struct r3_err *err)
{
	struct dev *dev;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		tap_bail("socketpair: %s", strerror(errno));
	ours = cfg.fd = sv[0];
	b.sock = sv[1];
	b.stop_fd = event_create();
	begin_backend();
	return dev_vhost_create(&cfg, &dev, err) ? NULL : dev;
}

void end_backend(void)
{
	event_post(b.stop_fd);
	pthread_join(b.thread, NULL);
	close(b.stop_fd);
	close(ours);
	if (b.mem.base)
		munmap(b.mem.base, b.mem.size);
	if (b.inflight)
		munmap(b.inflight, b.inflight_has.mmap_size);
}

void start(void)
{
	struct r3_err err;
	struct dev *dev = create(&err);

	if (!dev)
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

void stop(void)
{
	drv_stop(&d, 0);
	end_backend();
}
