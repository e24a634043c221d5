// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The vhost-user front end against a back end that is a thread of this test: one that
 * works, and one that lies once, at a chosen request, in a chosen way.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_fs.h>
#include <poll.h>
#include <pthread.h>
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
#include "dev/vhost_user.h"
#include "driver.h"
#include "tap.h"
#include "virtq/inflight.h"

#define BIT(n)		(1ULL << (n))
#define QUEUES		4
#define SECTORS		2048
#define CONFIG_SIZE	60
#define WAIT_MS		300		/* what a test's back end may take to answer */
#define SLOW_MS		150

enum lie {
	HONEST,
	CLOSES,				/* instead of an answer */
	SILENT,
	HALF,				/* a part of an answer, then nothing */
	HALF_CLOSES,
	OTHER_REQUEST,
	NO_REPLY_FLAG,
	VERSION_2,
	SHORT_ANSWER,
	LONG_ANSWER,
	GIANT_ANSWER,
	EMPTY_ANSWER,
	REFUSES,			/* a confirmation that is none */
	OTHER_QUEUE,
	LIES
};

static const char *const lie_names[] = {
	"is honest", "closes", "is silent", "sends half an answer", "closes within an answer", "answers another request",
	"answers without the flag", "answers in another version", "sends a short answer", "sends a long answer",
	"announces 4 GiB", "sends an empty answer", "refuses", "answers for another queue",
};

static struct backend {
	int sock;
	uint64_t features, protocol, queues;
	struct virtio_blk_config config;
	uint32_t config_offset, config_size;
	int lie_at;
	enum lie lie;
	bool slow_stop;			/* takes its time to stop a queue, and then writes a last byte */
	bool talks;			/* says something unasked as soon as queues run */
	bool dies;			/* as soon as a request comes */
	bool sends_fds;			/* along with each answer */
	bool steals;			/* reads the eventfd that it has for interrupts */
	unsigned int takes;		/* of a folder's requests, then dies */
	enum { HANDS_BACK_NONE, HANDS_BACK, HANDS_BACK_SECRETLY } first;	/* of these the first; secretly: dies before it notes that */
	bool scribbles;			/* all over what is in flight */

	struct inflight *inflight;
	struct vhost_user_inflight inflight_has;
	int stop_fd;
	pthread_t thread;
	uint64_t set_features;
	struct guest_mem mem;
	uint64_t user_addr;
	struct virtq vq[QUEUES];
	struct vhost_user_vring_addr addr[QUEUES];
	uint32_t num[QUEUES];
	int kick[QUEUES], call[QUEUES];
	bool enabled[QUEUES], running[QUEUES];
	unsigned int memories, last_fds;
	uint8_t disk[SECTORS * 512];
} b;

static struct drv d;
static struct dev_vhost cfg;
static int ours = -1;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static unsigned int open_fds(void)
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

static void put_with_fd(const void *buf, size_t len)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fd = 2;

	control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)) };
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	if (sendmsg(b.sock, &msg, MSG_NOSIGNAL) < 0)
		return;
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
		put_with_fd(&m, sizeof(m.h) + size);
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

static void honest(void)
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
	cfg = (struct dev_vhost){ .kind = DEV_VHOST_BLK, .name = "disk test", .wait_ms = WAIT_MS };
}

static struct dev *create(struct r3_err *err)
{
	struct dev *dev;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		tap_bail("socketpair: %s", strerror(errno));
	ours = cfg.fd = sv[0];
	b.sock = sv[1];
	b.stop_fd = event_create();
	pthread_create(&b.thread, NULL, backend_thread, NULL);
	return dev_vhost_create(&cfg, &dev, err) ? NULL : dev;
}

static void end_backend(void)
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

static void start(void)
{
	struct r3_err err;
	struct dev *dev = create(&err);

	if (!dev)
		tap_bail("%s", err.msg);
	drv_start(&d, dev);
}

static void stop(void)
{
	drv_stop(&d, 0);
	end_backend();
}

/* ---- what the guest does ---- */

static uint8_t blk(unsigned int q, uint32_t type, uint64_t sector, void *data, uint32_t len, bool indirect)
{
	struct virtio_blk_outhdr hdr = { .type = htole32(type), .sector = htole64(sector) };
	gpa_t at = drv_alloc(&d, sizeof(hdr) + len + 1, 16);
	struct drv_buf buf[3] = { { at, sizeof(hdr), false }, { at + sizeof(hdr), len, type == VIRTIO_BLK_T_IN },
				  { at + sizeof(hdr) + len, 1, true } };
	uint8_t *status = drv_ptr(&d, buf[2].gpa);

	memcpy(drv_ptr(&d, at), &hdr, sizeof(hdr));
	if (type == VIRTIO_BLK_T_OUT)
		memcpy(drv_ptr(&d, buf[1].gpa), data, len);
	*status = 0xff;
	if (!len)
		buf[1] = buf[2];
	drv_do(&d, q, buf, len ? 3 : 2, indirect);
	if (type == VIRTIO_BLK_T_IN)
		memcpy(data, drv_ptr(&d, buf[1].gpa), len);
	return *status;
}

static bool works(unsigned int q, unsigned int seed)
{
	uint8_t out[4096], in[4096];
	unsigned int i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 3 + seed;
	memset(in, 0, sizeof(in));
	return blk(q, VIRTIO_BLK_T_OUT, 8 * q, out, sizeof(out), seed & 1) == VIRTIO_BLK_S_OK &&
	       blk(q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, false) == VIRTIO_BLK_S_OK &&
	       blk(q, VIRTIO_BLK_T_IN, 8 * q, in, sizeof(in), false) == VIRTIO_BLK_S_OK && !memcmp(in, out, sizeof(in));
}

/* The control of the device goes on whatever the back end did. */
static bool answers(void)
{
	drv_set_status(&d, 0);
	return !drv_init(&d, 0);
}

static void test_works(void)
{
	struct virtio_blk_config *config;
	unsigned int q, i;

	honest();
	start();
	config = (void *)d.page->config;
	is(d.page->device_id, 2, "it is a disk");
	is(d.page->nr_queues, QUEUES, "with the back end's queues");
	is(le64toh(config->capacity), SECTORS, "and its size");
	ok(le32toh(config->seg_max) < d.page->queue[0].size_max, "no request is longer than a queue");
	ok(!(d.page->features & (BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(27) | BIT(38) | BIT(VHOST_USER_F_PROTOCOL_FEATURES))),
	   "features that we do not know are not offered");
	ok(d.page->queue[0].kick_fd >= 0 && d.page->queue[0].kick_fd != d.page->queue[1].kick_fd &&
	   d.page->queue[QUEUES].kick_fd == -1, "each queue has its own eventfd");
	for (i = 0; i < 3; i++) {
		ok(drv_init(&d, i == 1 ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0), "start %u", i);
		for (q = 0; q < QUEUES; q++)
			ok(works(q, i + q), "start %u, queue %u: write, flush, read", i, q);
		is(b.set_features & ~(d.features | BIT(VHOST_USER_F_PROTOCOL_FEATURES)), 0, "the back end knows what was accepted");
	}
	is(b.memories, 3, "it got the memory at each start");
	drv_force_kick(&d, 1);
	drv_set_status(&d, d.page->status | VIRTIO_CONFIG_S_FAILED);
	ok(!b.running[0] && !b.running[1], "a driver that gives up has its queues stopped");
	stop();

	honest();
	cfg.queues = 2;
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	start();
	is(d.page->nr_queues, 2, "fewer queues than the back end has, if so wanted");
	ok(drv_init(&d, 0) && works(1, 7), "a back end that confirms nothing");
	stop();
	ok(!b.running[0] && !b.running[1], "at the end its queues were stopped");
}

static void test_reset(void)
{
	int64_t before;

	honest();
	b.slow_stop = true;
	cfg.queues = 1;
	cfg.wait_ms = 5000;
	start();
	drv_init(&d, 0);
	before = now_ms();
	drv_set_status(&d, 0);
	ok(now_ms() - before >= SLOW_MS, "a reset is acknowledged after the back end's answer");
	is(*(uint8_t *)drv_ptr(&d, d.q[0].desc_gpa), 0x5a, "until which it wrote");
	ok(drv_init(&d, 0) && works(0, 1), "and the device works again");
	stop();
}

static void test_ends(void)
{
	struct drv_buf buf = { 0, 16, false };
	unsigned int fds;
	int64_t before;

	honest();
	start();
	drv_init(&d, 0);
	event_post(b.stop_fd);
	ok(drv_needs_reset(&d), "a back end that ends: the driver is told");
	ok(d.page->isr & R3_VDEV_ISR_CONFIG, "by an interrupt");
	ok(answers(), "and the device answers, and does not start again");
	stop();

	honest();
	b.dies = true;
	start();
	drv_init(&d, 0);
	buf.gpa = drv_alloc(&d, 16, 16);
	drv_add(&d, 1, &buf, 1, false);
	drv_kick(&d, 1);
	ok(drv_needs_reset(&d) && answers(), "one that ends with a request under way");
	stop();

	honest();
	b.talks = true;
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	start();
	drv_init(&d, 0);
	ok(drv_needs_reset(&d) && answers(), "one that says what nobody asked");
	stop();

	honest();
	b.sends_fds = true;
	fds = open_fds();
	start();
	drv_init(&d, 0);
	ok(works(0, 1), "one that sends descriptors works");
	drv_reset(&d);
	stop();
	is(open_fds(), fds, "and they are not taken");

	honest();
	b.steals = true;
	start();
	drv_init(&d, 0);
	works(0, 1);
	before = now_ms();
	drv_reset(&d);
	ok(now_ms() - before < WAIT_MS, "one that reads the eventfd of its interrupts");
	stop();

	honest();
	start();
	event_post(b.stop_fd);
	pthread_join(b.thread, NULL);
	pthread_create(&b.thread, NULL, backend_thread, NULL);
	usleep(50000);
	ok(!drv_init(&d, 0) && answers(), "one that ends before the driver is there");
	stop();
}

static void test_lies_at_create(void)
{
	static const int requests[] = { VHOST_USER_GET_FEATURES, VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_SET_OWNER,
					VHOST_USER_GET_QUEUE_NUM, VHOST_USER_GET_CONFIG };
	unsigned int i, lie, before = open_fds();
	int64_t at;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (lie = CLOSES; lie < LIES; lie++) {
			struct r3_err err = { 0 };
			struct dev *dev;

			if (lie == OTHER_QUEUE || (lie == REFUSES && requests[i] != VHOST_USER_SET_OWNER))
				continue;
			honest();
			b.lie_at = requests[i];
			b.lie = lie;
			at = now_ms();
			dev = create(&err);
			ok(!dev && strstr(err.msg, "disk test: its back end ") && now_ms() - at < 3 * WAIT_MS,
			   "at request %d it %s: %s", requests[i], lie_names[lie], err.msg);
			if (dev)
				dev_destroy(dev);
			end_backend();
		}
	}
	is(open_fds(), before, "no descriptor is left");
}

static void test_lies_when_live(void)
{
	static const int requests[] = { VHOST_USER_SET_FEATURES, VHOST_USER_SET_MEM_TABLE, VHOST_USER_SET_VRING_NUM,
					VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE };
	unsigned int i, lie;
	int64_t at;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (lie = CLOSES; lie < LIES; lie++) {
			if (lie == OTHER_QUEUE)
				continue;
			honest();
			start();
			b.lie_at = requests[i];
			b.lie = lie;
			at = now_ms();
			ok(!drv_init(&d, 0) && answers() && now_ms() - at < 5 * WAIT_MS, "at request %d it %s: broken, and answers",
			   requests[i], lie_names[lie]);
			stop();
		}
	}
	for (lie = CLOSES; lie < LIES; lie++) {
		if (lie == REFUSES)
			continue;
		honest();
		start();
		drv_init(&d, 0);
		b.lie_at = VHOST_USER_GET_VRING_BASE;
		b.lie = lie;
		at = now_ms();
		drv_set_status(&d, 0);
		ok(now_ms() - at < 3 * WAIT_MS && (lie == OTHER_QUEUE || answers()), "asked to stop it %s: the reset is acknowledged",
		   lie_names[lie]);
		stop();
	}
}

static void config_is_refused(const char *what)
{
	struct r3_err err = { 0 };
	struct dev *dev = create(&err);

	ok(!dev && err.msg[0], "a disk whose back end says %s: %s", what, err.msg);
	if (dev)
		dev_destroy(dev);
	end_backend();
}

static void test_config(void)
{
	honest();
	b.config.capacity = htole64(~0ULL / 512);
	config_is_refused("that it is 16 EiB large");
	honest();
	b.config.blk_size = htole32(513);
	config_is_refused("blocks of 513 bytes");
	honest();
	b.config.blk_size = 0;
	config_is_refused("blocks of 0 bytes");
	honest();
	b.config.blk_size = htole32(1u << 31);
	config_is_refused("blocks of 2 GiB");
	honest();
	b.config.seg_max = 0;
	config_is_refused("no segments");
	honest();
	b.config.num_queues = 0;
	config_is_refused("no queues");
	honest();
	b.config.num_queues = htole16(QUEUES + 1);
	config_is_refused("too many queues");
	honest();
	b.features |= BIT(VIRTIO_BLK_F_TOPOLOGY);
	b.config.physical_block_exp = 255;
	config_is_refused("giant physical blocks");
	honest();
	b.features |= BIT(VIRTIO_BLK_F_DISCARD);
	config_is_refused("discards of nothing");
	honest();
	b.config_size = 1000;
	config_is_refused("another size of the configuration");
	honest();
	b.config_offset = 4;
	config_is_refused("another part of the configuration");
	honest();
	cfg.readonly = true;
	config_is_refused("that one to be read only may be written to");
	honest();
	b.features &= ~BIT(VIRTIO_F_VERSION_1);
	config_is_refused("nothing of virtio 1");
	honest();
	b.queues = 0;
	config_is_refused("that there is no queue");
	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	config_is_refused("no size");
}

static void test_fs(void)
{
	struct virtio_fs_config *config;
	struct r3_err err;

	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "work";
	cfg.queues = 2;
	start();
	config = (void *)d.page->config;
	is(d.page->device_id, 26, "a shared folder");
	ok(!memcmp(config->tag, "work\0\0", 6), "has the tag that it was given");
	is(le32toh(config->num_request_queues), 2, "so many queues for requests");
	is(d.page->nr_queues, 3, "and one more");
	ok(!(d.page->features & BIT(VIRTIO_BLK_F_MQ)), "and no feature of another device");
	ok(drv_init(&d, 0), "and starts");
	stop();

	honest();
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "a tag that has thirty-seven bytes ...";
	ok(!create(&err), "a tag that is too long: %s", err.msg);
	end_backend();
}

/* ---- a shared folder whose server dies ---- */

static void start_fs(void)
{
	honest();
	b.protocol &= ~BIT(VHOST_USER_PROTOCOL_F_CONFIG);
	cfg.kind = DEV_VHOST_FS;
	cfg.tag = "work";
	start();
	drv_init(&d, 0);
}

static gpa_t ask(unsigned int q, uint64_t unique, size_t room)
{
	struct fuse_in_header in = { .len = sizeof(in), .opcode = FUSE_GETATTR, .unique = unique };
	gpa_t at = drv_alloc(&d, sizeof(in) + room, 16);
	struct drv_buf buf[2] = { { at, sizeof(in), false }, { at + sizeof(in), room, true } };

	memcpy(drv_ptr(&d, at), &in, sizeof(in));
	drv_add(&d, q, buf, room ? 2 : 1, false);
	return at + sizeof(in);
}

/* Return: requests that came back with the error and their number. */
static unsigned int refused(unsigned int q, const gpa_t *answer, unsigned int n)
{
	unsigned int i, good = 0;
	uint16_t head;
	uint32_t len;

	for (i = 0; i < n && drv_used(&d, q, DRV_WAIT_MS, &head, &len); i++)
		;
	for (i = 0; i < n; i++) {
		struct fuse_out_header *out = drv_ptr(&d, answer[i]);

		good += out->len == sizeof(*out) && out->error == -ENOTCONN && out->unique == 100 + i;
	}
	return good;
}

static void test_orphan(void)
{
	gpa_t answer[5];
	uint16_t head;
	uint32_t len;
	unsigned int i;

	start_fs();
	is(b.inflight_has.num_queues, d.page->nr_queues, "a folder's back end has memory for what is in flight, of each queue");
	b.takes = 2;
	for (i = 0; i < 4; i++)
		answer[i] = ask(1, 100 + i, 64);
	ask(1, 104, 0);
	drv_kick(&d, 1);
	is(refused(1, answer, 4), 4, "it dies: what it had taken, and what it had not, comes back with an error");
	ok(drv_used(&d, 1, DRV_WAIT_MS, &head, &len) && !len, "also what has no answer");
	answer[0] = ask(2, 100, 64);
	drv_kick(&d, 2);
	is(refused(2, answer, 1), 1, "and what comes later, by another queue");
	ok(!(d.page->status & VIRTIO_CONFIG_S_NEEDS_RESET), "the device goes on");
	ok(drv_init(&d, 0), "a driver that begins anew finds it, too");
	answer[0] = ask(1, 100, 64);
	drv_kick(&d, 1);
	is(refused(1, answer, 1), 1, "and its requests come back");
	stop();

	for (int first = HANDS_BACK; first <= HANDS_BACK_SECRETLY; first++) {
		start_fs();
		b.takes = 3;
		b.first = first;
		ask(1, 99, 64);
		for (i = 0; i < 3; i++)
			answer[i] = ask(1, 100 + i, 64);
		drv_kick(&d, 1);
		ok(drv_used(&d, 1, DRV_WAIT_MS, &head, &len) && !len, "one that handed one back%s",
		   first == HANDS_BACK ? "" : " and died before it noted that");
		is(refused(1, answer, 3), 3, "the others come back");
		ok(!drv_used(&d, 1, 50, &head, &len), "and that one not twice");
		stop();
	}

	start_fs();
	b.takes = 1;
	b.scribbles = true;
	ask(1, 100, 64);
	drv_kick(&d, 1);
	ok(drv_needs_reset(&d), "one that says that all is in flight: the device needs a reset");
	drv_set_status(&d, 0);
	ok(drv_init(&d, 0), "and answers");
	stop();
}

int main(void)
{
	test_works();
	test_reset();
	test_ends();
	test_lies_at_create();
	test_lies_when_live();
	test_config();
	test_fs();
	test_orphan();
	return tap_done();
}
