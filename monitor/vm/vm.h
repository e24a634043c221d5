/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest. `ring3 run` opens every file, fills a vm_config, forks, and
 * calls vm_main() in the child, which is then the monitor; the parent keeps
 * the terminal, the session with the guest's agent, and the descriptors, and
 * forks again when the guest reboots.
 */
#ifndef R3_VM_H
#define R3_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "jail/jail.h"

#define VM_MAX_DISKS	16
#define VM_MAX_PORTS	8
#define VM_MAX_NETS	8
#define VM_MAX_VHOSTS	16
#define VM_MAX_HOST_CPUS 512	/* R3_MAX_HOST_CPU and those below */

/* Exit status of the monitor process. */
enum vm_exit {
	VM_EXIT_POWEROFF = 0,
	VM_EXIT_REBOOT = 64,		/* fork again with the same config */
	VM_EXIT_PANIC = 65,
	VM_EXIT_HOST = 66,		/* the host failed the guest: message on stderr */
	VM_EXIT_CONFIG = 67,		/* could not start: message on stderr */
};

struct vm_disk {
	int fd;				/* image, opened and locked by the caller; or, with vhost, a back end's socket */
	int cow_fd;			/* -1, or an empty unlinked file for an ephemeral overlay */
	bool vhost;			/* another process serves it, and has its serial */
	bool readonly;
	char serial[20];		/* virtio-blk serial, not always terminated */
	uint64_t rate, iops;		/* bytes and requests a second, 0: without bound; not of one with vhost */
	char path[256];			/* for messages only */
};

/* A virtio-console port. Port 0 is hvc0. */
struct vm_port {
	int fd;				/* socket or pty end, read and written; non-blocking */
	char name[32];			/* /dev/virtio-ports/NAME; empty for port 0 */
};

/*
 * What one message, or one piece of a stream, of a network card's descriptor is:
 * docs/devices.md, "Network".
 */
enum vm_net_format {
	VM_NET_PACKETS,			/* struct virtio_net_hdr_v1 and a frame: SOCK_SEQPACKET, tap */
	VM_NET_STREAM,			/* length and a frame, as QEMU's stream sockets */
};

/* A network card. */
struct vm_net {
	int fd;				/* non-blocking; the caller's */
	enum vm_net_format format;
	bool offload;			/* the other side takes and gives virtio offload headers */
	uint8_t mac[6];
	uint16_t mtu;			/* 0: not said; else 68 to 65520 */
};

/* A device that another process serves by vhost-user; disks of that kind may also be vm_disk. */
enum vm_vhost_kind {
	VM_VHOST_BLK,
	VM_VHOST_FS,
};

struct vm_vhost {
	enum vm_vhost_kind kind;
	int fd;				/* connected stream socket to the back end; the caller's */
	unsigned int queues;		/* for requests, at most; 0: as many as the guest has CPUs */
	bool readonly;			/* a disk */
	char tag[37];			/* of a shared folder, which the guest mounts it by */
	char name[128];			/* for messages: "disk vda", "share /srv" */
};

/* Sockets between guest and host; packets as dev/vsock.h has them. */
struct vm_vsock {
	int fd;				/* SOCK_SEQPACKET, non-blocking; the caller's */
	uint32_t cid;
};

struct vm_config {
	int kernel_fd;			/* vmlinux */
	char kernel_path[256];
	int initrd_fd;			/* -1: none */
	int ram_fd;			/* an empty memfd to be its memory, shared with who made it; -1: none is given */
	uint64_t mem;			/* bytes */
	uint64_t mem_back;		/* of these the guest is asked to give back */
	unsigned int cpus;
	char cmdline[4096];
	int early_console_fd;		/* -1: none */
	int channel_fd;			/* vm/channel.h; -1: none */
	int start_fd;			/* a byte on it starts the vCPUs; -1: they start at once */
	int panic_fd;			/* after a panic: a byte to it, and one from it before the end; -1: none */
	bool traceable;			/* also where only the host's own parents may trace */
	int nr_disks;
	struct vm_disk disk[VM_MAX_DISKS];
	int nr_ports;
	struct vm_port port[VM_MAX_PORTS];
	int nr_nets;
	struct vm_net net[VM_MAX_NETS];
	int nr_vhosts;
	struct vm_vhost vhost[VM_MAX_VHOSTS];
	int nr_vsocks;			/* 0 or 1: the guest's kernel has one */
	struct vm_vsock vsock;
	enum jail_mode jail;
	unsigned short host_cpu[VM_MAX_HOST_CPUS]; /* that this process is kept to; vCPU i on [i] */
	unsigned int nr_host_cpus;	/* 0: wherever this process may */
	bool pin;			/* keep a vCPU and its guest threads on one host CPU */
};

/*
 * Runs the guest until it ends. Called in a process of its own, with no
 * other thread. Returns an enum vm_exit; for VM_EXIT_CONFIG and VM_EXIT_HOST
 * err says why.
 */
int vm_main(const struct vm_config *cfg, struct r3_err *err);

#endif
