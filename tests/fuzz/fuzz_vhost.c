// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A shared folder's device in front of a back end that dies, or lies, at any moment: the front end of
 * vhost-user, the region of what is in flight, and the device that answers itself afterwards. Without
 * threads: the input says what the driver does, what the back end does, and when the device looks.
 *
 * As long as neither side has lied, each request comes back once, wherever in its work the back end died.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dev/vhost.h"
#include "fuzz.h"
#include "virtq/inflight.h"

#define RAM		(64u << 10)
#define DATA		(16u << 10)
#define QUEUES		2
#define ENTRIES		16
#define STEPS_MAX	200
#define WAIT_MS		1

static struct guest_mem mem;
static struct r3_vdev *page;
static struct dev *dev;
static int peer = -1;
static bool honest, running, dead;

static struct queue {
	bool out[ENTRIES];		/* a request begins there */
	uint64_t unique[ENTRIES];
	uint16_t avail, seen;
	/* What the back end has: */
	struct virtq vq;
	struct virtq_chain taken[ENTRIES];
	unsigned int nr_taken;
} queue[QUEUES];

static uint64_t last_unique;

static void *ram(uint64_t gpa)
{
	return (char *)mem.base + gpa;
}

static struct vring_desc *desc_of(unsigned int q)
{
	return ram(q * 2048);
}

static uint16_t *avail_of(unsigned int q)
{
	return ram(q * 2048 + 512);
}

static uint16_t *used_of(unsigned int q)
{
	return ram(q * 2048 + 1024);
}

static void *header_of(unsigned int q, unsigned int head)
{
	return ram(DATA + (q * ENTRIES + head) * 128);
}

static struct inflight *region(unsigned int q)
{
	return (struct inflight *)((char *)to_vhost(dev)->inflight + q * inflight_size(dev->queue_size[0]));
}

/* ---- the back end ---- */

static void say(const void *data, size_t len)
{
	if (peer >= 0 && send(peer, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void answer(uint32_t what, const void *body, uint32_t size)
{
	struct vhost_user_header h = { what, VHOST_USER_VERSION | VHOST_USER_REPLY, size };

	say(&h, sizeof(h));
	say(body, size);
}

static void listen_to_it(void)
{
	char drop[4096];

	while (peer >= 0 && recv(peer, drop, sizeof(drop), MSG_DONTWAIT) > 0)
		;
}

static void dies(void)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
	dead = true;
}

/* Up to a step of its work; it dies if that is not the last one. */
static void hand_back(unsigned int q, unsigned int nr, unsigned int steps)
{
	struct queue *k = &queue[q];
	struct virtq_chain c = k->taken[nr];
	struct fuse_out_header out = { .len = sizeof(out) };
	struct inflight *f = region(q);

	if (steps >= 1) {
		memcpy(&out.unique, (char *)c.iov[0].iov_base + offsetof(struct fuse_in_header, unique), 8);
		memcpy(c.iov[1].iov_base, &out, sizeof(out));
		inflight_returns(f, c.head);
	}
	if (steps >= 2)
		virtq_fill(&k->vq, 0, c.head, sizeof(out));
	if (steps >= 3)
		virtq_flush(&k->vq, 1);
	if (steps >= 4)
		store_release(f->chain[c.head].taken, 0);
	if (steps < 5) {
		dies();
		return;
	}
	store_release(f->used_idx, k->vq.used_idx);
	k->taken[nr] = k->taken[--k->nr_taken];
}

static void take(unsigned int q, bool tells)
{
	struct queue *k = &queue[q];

	if (k->nr_taken == ENTRIES || virtq_getchain(&k->vq, &k->taken[k->nr_taken]) <= 0)
		return;
	if (!tells) {
		dies();
		return;
	}
	inflight_take(region(q), k->taken[k->nr_taken++].head);
}

static void serve(struct input *in, uint8_t op)
{
	unsigned int q = op & 1;
	uint8_t how = in8(in);

	/* Of a lie its own view is of no use. */
	if (!honest || !running || dead || !to_vhost(dev)->inflight)
		return;
	if (how & 1)
		take(q, how != 0xff);
	else if (queue[q].nr_taken)
		hand_back(q, how / 8 % queue[q].nr_taken, how & 8 ? in8(in) % 6 : 5);
}

/* Nothing is at work when a queue is stopped. */
static void stops(unsigned int q)
{
	const struct vhost_user_vring_state state = { q, queue[q].vq.last_avail };

	while (queue[q].nr_taken && to_vhost(dev)->inflight)
		hand_back(q, 0, 5);
	answer(VHOST_USER_GET_VRING_BASE, &state, sizeof(state));
}

int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);

/* The device waits for an answer: now it comes. */
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	struct vhost_user_header h;
	uint32_t body[64];

	while (nr == 1 && fds->events == POLLIN && honest && peer >= 0 && recv(peer, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h)) {
		must(h.size <= sizeof(body) && (!h.size || recv(peer, body, h.size, MSG_DONTWAIT) == h.size));
		if (h.request == VHOST_USER_GET_VRING_BASE && body[0] < QUEUES)
			stops(body[0]);
	}
	return __real_poll(fds, nr, timeout);
}

/* ---- the driver ---- */

static void step(void)
{
	dev_step(dev, 0);
	listen_to_it();
}

static void control(uint32_t status)
{
	page->status = status;
	page->ctl_seq++;
	step();
	must(page->ctl_ack == page->ctl_seq);
}

static void stop(void)
{
	listen_to_it();
	control(0);
	running = false;
	memset(queue, 0, sizeof(queue));
}

static void start(struct input *in)
{
	uint64_t features = dev->features & (1ULL << VIRTIO_F_VERSION_1 | in32(in));
	unsigned int q;

	stop();
	for (q = 0; q < QUEUES; q++) {
		page->queue[q].size = ENTRIES;
		page->queue[q].desc = q * 2048;
		page->queue[q].driver = q * 2048 + 512;
		page->queue[q].device = q * 2048 + 1024;
		page->queue[q].enabled = 1;
		memset(ram(q * 2048), 0, 2048);
		must(!virtq_init(&queue[q].vq, &mem, features, ENTRIES, q * 2048, q * 2048 + 512, q * 2048 + 1024));
	}
	page->driver_features = features;
	control(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	control(page->status | VIRTIO_CONFIG_S_DRIVER_OK);
	running = true;
}

static void ask(unsigned int q)
{
	struct fuse_in_header h = { .len = sizeof(h), .opcode = FUSE_GETATTR };
	struct queue *k = &queue[q];
	unsigned int head;
	uint64_t one = 1;

	if (!running)
		return;
	for (head = 0; head < ENTRIES && k->out[head]; head += 2)
		;
	if (head >= ENTRIES)
		return;
	k->out[head] = true;
	h.unique = k->unique[head] = ++last_unique;
	memcpy(header_of(q, head), &h, sizeof(h));
	memset((char *)header_of(q, head) + 64, 0xa5, 64);
	desc_of(q)[head] = (struct vring_desc){ DATA + (q * ENTRIES + head) * 128, sizeof(h), VRING_DESC_F_NEXT, head + 1 };
	desc_of(q)[head + 1] = (struct vring_desc){ DATA + (q * ENTRIES + head) * 128 + 64, 64, VRING_DESC_F_WRITE, 0 };
	avail_of(q)[2 + k->avail++ % ENTRIES] = head;
	store_release(avail_of(q)[1], k->avail);
	must(write(dev->queue_kick[q], &one, sizeof(one)) == sizeof(one));
}

static void look(unsigned int q)
{
	struct queue *k = &queue[q];
	struct fuse_out_header out;

	for (; honest && running && k->seen != used_of(q)[1]; k->seen++) {
		struct vring_used_elem e;

		memcpy(&e, (char *)used_of(q) + 4 + k->seen % ENTRIES * sizeof(e), sizeof(e));
		must(e.id < ENTRIES && k->out[e.id] && e.len == sizeof(out));
		k->out[e.id] = false;
		memcpy(&out, (char *)header_of(q, e.id) + 64, sizeof(out));
		must(out.len == sizeof(out) && out.unique == k->unique[e.id] && (!out.error || (dead && out.error == -ENOTCONN)));
	}
}

/* Each request comes back, if nobody lied. */
static void comes_back(void)
{
	unsigned int q, i;

	const char *end = to_vhost(dev)->link.dead;

	for (i = 0; i < 8; i++)
		step();
	/* The time is no input. */
	if (end && !strcmp(end, "does not answer"))
		honest = false;
	for (q = 0; q < QUEUES; q++)
		look(q);
	for (q = 0; q < QUEUES && honest && running; q++)
		for (i = 0; i < ENTRIES; i++)
			must(!queue[q].out[i]);
}

/* ---- lies ---- */

static void scribble(struct input *in, void *base, size_t size)
{
	size_t at = in16(in) * (size / 65536 + 1) % size, len;
	const uint8_t *bytes = in_bytes(in, in8(in) % 64, &len);

	honest = false;
	memcpy((char *)base + at, bytes, min_t(size_t, len, size - at));
}

static void one_step(struct input *in)
{
	uint8_t op = in8(in), bytes[64];
	struct vhost *vhost = to_vhost(dev);
	const uint8_t *said;
	size_t len;

	switch (op >> 4) {
	case 0:
	case 1:
	case 2:
		ask(op & 1);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		serve(in, op);
		break;
	case 7:
	case 8:
		step();
		look(0);
		look(1);
		break;
	case 9:
		dies();
		break;
	case 10:
		start(in);
		break;
	case 11:
		if (vhost->inflight)
			scribble(in, vhost->inflight, QUEUES * inflight_size(dev->queue_size[0]));
		break;
	case 12:
		scribble(in, mem.base, op & 1 ? DATA : RAM);
		break;
	case 13:
		honest = false;
		said = in_bytes(in, in8(in) % sizeof(bytes), &len);
		memcpy(bytes, said, len);
		say(bytes, len);
		break;
	case 14:
		honest = false;
		page->queue[op & 1].size = in16(in);
		page->queue[op & 1].desc = in32(in) % (2 * RAM);
		page->kicked = in8(in);
		control(in8(in));
		running = false;
		break;
	default:
		if (op & 1)
			stop();
	}
}

/* Whatever was before, a device without its back end answers. */
static void works(void)
{
	struct input none = { (const uint8_t *)"", 0 };

	dies();
	step();
	comes_back();
	honest = true;
	running = false;
	start(&none);
	if (!to_vhost(dev)->orphan)
		return;
	ask(0);
	ask(1);
	comes_back();
	must(!(page->status & VIRTIO_CONFIG_S_NEEDS_RESET));
}

static void raise_irq(void *opaque, unsigned int index)
{
}

static int make(struct input *in)
{
	uint64_t features = in8(in) & 1 ? in64(in) : ~0ULL, queues = in8(in) & 1 ? in64(in) : QUEUES;
	/* Nothing is confirmed, so that nobody waits. */
	uint64_t protocol = ~(1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK);
	struct dev_vhost cfg = { .kind = DEV_VHOST_FS, .name = "a folder", .queues = QUEUES - 1, .tag = "work", .wait_ms = WAIT_MS };
	struct r3_err err;
	int sv[2], ret;

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	cfg.fd = sv[0];
	peer = sv[1];
	answer(VHOST_USER_GET_FEATURES, &features, 8);
	answer(VHOST_USER_GET_PROTOCOL_FEATURES, &protocol, 8);
	answer(VHOST_USER_GET_QUEUE_NUM, &queues, 8);
	ret = dev_vhost_create(&cfg, &dev, &err);
	if (ret) {
		must(err.msg[0]);
		dev = NULL;
		close(sv[0]);
	}
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dev_bus bus = { .mem = &mem, .raise = raise_irq };
	struct input in = { data, size };
	unsigned int steps;
	struct r3_err err;

	if (!mem.base) {
		mem = (struct guest_mem){ .base = aligned_alloc(4096, RAM), .size = RAM, .fd = memfd_create("ram", MFD_CLOEXEC) };
		page = aligned_alloc(4096, 4096);
		must(mem.base && page && mem.fd >= 0);
		signal(SIGPIPE, SIG_IGN);
	}
	memset(mem.base, 0, RAM);
	memset(page, 0, 4096);
	memset(queue, 0, sizeof(queue));
	running = dead = false;
	if (!make(&in)) {
		must(!dev_attach(dev, page, 0, &bus, &err));
		listen_to_it();
		honest = to_vhost(dev)->inflight;
		if (dev->nr_queues == QUEUES) {
			start(&in);
			for (steps = 0; in.len && steps < STEPS_MAX; steps++)
				one_step(&in);
			works();
		}
		dev_detach(dev);
		close(to_vhost(dev)->link.fd);
		dev_destroy(dev);
	}
	if (peer >= 0)
		close(peer);
	peer = -1;
	return 0;
}
