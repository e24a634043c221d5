/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the vhost-user protocol, version 1: those that ring3-fs knows. */
#ifndef R3_FS_VHOST_PROTO_H
#define R3_FS_VHOST_PROTO_H

#include <stdint.h>

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_RESET_OWNER = 4,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_SET_VRING_ERR = 14,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
};

#define VHOST_VERSION		1
#define VHOST_VERSION_MASK	3
#define VHOST_REPLY		(1 << 2)
#define VHOST_NEED_REPLY	(1 << 3)

#define VHOST_F_PROTOCOL_FEATURES	(1ULL << 30)	/* beside the device's features */
#define VHOST_PROTOCOL_MQ		(1ULL << 0)
#define VHOST_PROTOCOL_REPLY_ACK	(1ULL << 3)

/* Of the number in SET_VRING_KICK, CALL, ERR. */
#define VHOST_VRING_MASK	0xff
#define VHOST_VRING_NO_FD	(1 << 8)

struct vhost_header {
	uint32_t request, flags, size;
};

struct vhost_state {
	uint32_t index, num;
};

struct vhost_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vhost_region {
	uint64_t gpa, size, user, offset;
};

struct vhost_mem_table {
	uint32_t n, padding;
	struct vhost_region region[8];
};

#endif
