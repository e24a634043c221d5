/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vhost-user protocol, as far as a front end needs it: how a device's queues are
 * handed to another process. QEMU's docs/interop/vhost-user.rst defines it; no system
 * header has it.
 *
 * A message is a header, a payload of "size" bytes, and descriptors beside them. All
 * numbers are of the host's byte order.
 */
#ifndef R3_VHOST_USER_H
#define R3_VHOST_USER_H

#include <stdint.h>

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_INFLIGHT_FD = 32,
};

/* Bit of the features that says that there are protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES	30

/* Bits of the protocol features. */
#define VHOST_USER_PROTOCOL_F_MQ	0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK	3
#define VHOST_USER_PROTOCOL_F_CONFIG	9
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD 12

#define VHOST_USER_VERSION		1u
#define VHOST_USER_VERSION_MASK		3u
#define VHOST_USER_REPLY		(1u << 2)
#define VHOST_USER_NEED_REPLY		(1u << 3)

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;			/* of the payload */
};

struct vhost_user_memory {
	uint32_t nr;
	uint32_t padding;
	struct {
		uint64_t gpa;
		uint64_t size;
		uint64_t user_addr;	/* what ring addresses are relative to */
		uint64_t mmap_offset;
	} region[1];			/* a descriptor each */
};

struct vhost_user_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

/* Of memory that comes as a descriptor; virtq/inflight.h has what is in it. */
struct vhost_user_inflight {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t num_queues;
	uint16_t queue_size;
};

#define VHOST_USER_CONFIG_MAX	256

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t region[VHOST_USER_CONFIG_MAX];
};

#endif
