// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking over another thread of the monitor, as a taken-over kernel could: all
 * threads have one memory. A waiting thread's stack has the addresses it will
 * return to; they are replaced by one of ours, and then it is woken.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/virtio_ids.h>

#include "bare.h"
#include "hostile.h"
#include "vdev.h"

#define PAGE		4096UL
#define TEXT_NEAR	(2UL << 20)	/* the program is not larger */
#define STACKS		(256UL << 20)	/* where stacks of older threads are, above ours */
#define MAIN_STACKS	0x7ff000000000UL
#define MAIN_AROUND	(64UL << 10)

static char stack[65536] __attribute__((aligned(16), used));
static unsigned long program;
static uint32_t taken __attribute__((used)), done, over;

void take_entry(void);
void take_main(void);

/* Only the first to come is ours to use; whoever else returns here waits for ever. */
__asm__(".pushsection .text\n"
	".globl take_entry\n"
	"take_entry:\n\t"
	"movl $1, %eax\n\t"
	"xchgl %eax, taken(%rip)\n\t"
	"testl %eax, %eax\n"
	"1:	jnz 1b\n\t"
	"leaq stack+65536(%rip), %rsp\n\t"
	"call take_main\n\t"
	"hlt\n\t"
	".popsection\n");

void take_main(void)
{
	hostile_thread();
	bare_write(done, 1);
	hostile_last();
	bare_write(over, 1);
	for (;;)
		bare_wait_ms(1000);
}

static bool readable(unsigned long addr)
{
	static const struct {
		long sec, nsec;
	} now;

	return bare_call6(__NR_futex, addr & ~3UL, FUTEX_WAIT, 0x5ca1ab1e, &now, 0, 0) != -EFAULT;
}

/* Is it behind a call instruction: E8 and an offset, or FF /2 in 2 to 7 bytes? */
static bool returns_to(unsigned long addr)
{
	const uint8_t *p = (const uint8_t *)addr;
	int i;

	if (!readable(addr - 8) || !readable(addr))
		return false;
	for (i = 2; i <= 7; i++)
		if (p[-i] == 0xff && (p[-i + 1] >> 3 & 7) == 2)
			return true;
	return p[-5] == 0xe8;
}

/* Where the monitor's program is: what called us is behind our own frames. */
static bool find_program(unsigned long sp)
{
	for (; readable(sp); sp += 8) {
		unsigned long v = *(unsigned long *)sp;

		/* Neither this image nor libraries, which are mapped high up. */
		if (v > 0x10000 && v < R3_DIRECT_BASE && returns_to(v)) {
			program = v;
			return true;
		}
	}
	return false;
}

static unsigned int poison(unsigned long from, unsigned long to)
{
	unsigned int n = 0;
	unsigned long at;

	for (at = from & ~(PAGE - 1); at < to; at += PAGE) {
		unsigned long *p = (unsigned long *)at, *end = (unsigned long *)(at + PAGE);

		if (!readable(at))
			continue;
		for (; p < end; p++) {
			if (*p - program + TEXT_NEAR < 2 * TEXT_NEAR && returns_to(*p)) {
				*p = (unsigned long)take_entry;
				n++;
			}
		}
	}
	return n;
}

static void post(int fd)
{
	uint64_t one = 1;

	bare_call3(__NR_write, fd, &one, sizeof(one));
}

/* Past our own stack: it ends where nothing can be read. */
static bool take_kicked(unsigned long sp, int kick_fd)
{
	while (readable(sp))
		sp += PAGE;
	if (!poison(sp, sp + STACKS))
		return false;
	post(kick_fd);
	return true;
}

/* Its page is behind those of all devices that are there from the start. */
static bool take_slot(unsigned long sp)
{
	const struct r3_vdev *page = (struct r3_vdev *)(bare_boot->vdevs + PAGE * bare_boot->nr_vdevs);

	return bare_boot->nr_vdevs < R3_VDEV_MAX && page->magic == R3_VDEV_MAGIC && take_kicked(sp, page->kick_fd);
}

static bool take_device(unsigned long sp, const char *kind)
{
	static const struct {
		const char *name;
		unsigned int id;
	} ids[] = { { "console", VIRTIO_ID_CONSOLE }, { "rng", VIRTIO_ID_RNG }, { "blk", VIRTIO_ID_BLOCK },
		    { "net", VIRTIO_ID_NET }, { "vhost", VIRTIO_ID_FS }, { "vsock", VIRTIO_ID_VSOCK }, { "balloon", VIRTIO_ID_BALLOON } };
	struct vdev dev;
	unsigned int i;

	if (!strcmp(kind, "slot"))
		return take_slot(sp);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		if (!strcmp(kind, ids[i].name) && vdev_find(&dev, ids[i].id, 0))
			return take_kicked(sp, dev.page->kick_fd);
	return false;
}

/* Addresses in the main thread's stack are on ours: it gave them to us. */
static bool take_control(unsigned long sp)
{
	unsigned int n = 0;

	for (; readable(sp); sp += 8) {
		unsigned long v = *(unsigned long *)sp;

		if (v >= MAIN_STACKS && v < 1UL << 47 && readable(v))
			n += poison(v - MAIN_AROUND, v + MAIN_AROUND);
	}
	if (!n)
		return false;
	post(bare_boot->exit_fd);
	return true;
}

void take_thread(const char *kind)
{
	unsigned long sp = (unsigned long)__builtin_frame_address(0);
	unsigned int i;

	if (!find_program(sp) || !(strcmp(kind, "control") ? take_device(sp, kind) : take_control(sp))) {
		bare_printf("Bail out! the thread of kind %s was not found\n", kind);
		bare_exit(R3_EXIT_PANIC);
	}
	for (i = 0; i < 2000 && !bare_read(done); i++)
		bare_wait_ms(5);
	if (!bare_read(done)) {
		bare_printf("Bail out! the thread of kind %s was not taken (%u)\n", kind, bare_read(taken));
		bare_exit(R3_EXIT_PANIC);
	}
	/* Its last calls: exit, if that is let through. A monitor whose thread is gone may wait for it. */
	for (i = 0; i < 2000 && !bare_read(leaving); i++)
		bare_wait_ms(5);
	for (i = 0; i < 200 && !bare_read(over); i++)
		bare_wait_ms(5);
	bare_printf("over %s\n", kind);
	bare_exit(R3_EXIT_POWEROFF);
}
