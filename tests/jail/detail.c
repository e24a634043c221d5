// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that are let through, with arguments that are not. */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <sys/mman.h>

#include "bare.h"
#include "hostile.h"
#include "vdev.h"

#define WINDOW		(R3_VMALLOC_BASE + 0x200000)
#define FAR		0x100000000UL
#define PIECE		R3_WINDOW_PIECE

/* Nothing longer than a piece, and none in the last one: so none can leave the window. */
static const struct window {
	const char *name;
	unsigned long start, end;
} windows[] = {
	{ "vmalloc", R3_VMALLOC_BASE, R3_VMALLOC_BASE + R3_VMALLOC_SIZE },
	{ "modules", R3_MODULES_BASE, R3_MODULES_BASE + R3_MODULES_SIZE },
};

static void map(unsigned long addr, unsigned long len, int prot, int flags, long fd, unsigned long off,
		bool good, const char *what)
{
	long ret = bare_call6(__NR_mmap, addr, len, prot, flags, fd, off);

	bare_ok(good ? ret == (long)addr : ret == -ENOSYS, "mmap %s", what);
	if (!good && ret != -ENOSYS)
		bare_printf("# got %ld\n", ret);
}

static void edges(const struct window *w)
{
	const int rw = PROT_READ | PROT_WRITE, fixed = MAP_SHARED | MAP_FIXED;
	long ram = bare_boot->ram_fd;

	bare_printf("# the edges of %s\n", w->name);
	map(w->start, 4096, rw, fixed, ram, 0, true, "at the start");
	map(w->start - 4096, 4096, rw, fixed, ram, 0, false, "below the start");
	map(w->start - 4096, 8192, rw, fixed, ram, 0, false, "across the start");
	map(w->end - PIECE, PIECE, rw, fixed, ram, 0, true, "up to the end");
	map(w->end - PIECE, PIECE + 1, rw, fixed, ram, 0, false, "past the end");
	map(w->end - PIECE + 4096, PIECE, rw, fixed, ram, 0, false, "a page past the end");
	map(w->end - 4096, 4096, rw, fixed, ram, 0, false, "the last page");
	map(w->end, 4096, rw, fixed, ram, 0, false, "at the end");
	map(w->end + FAR, 4096, rw, fixed, ram, 0, false, "4 GiB behind the end");
	map(w->start, w->start, rw, fixed, ram, 0, false, "a length that goes around");
	map(w->start, FAR, rw, fixed, ram, 0, false, "a length of 4 GiB");
	map(w->start, FAR + 4096, rw, fixed, ram, 0, false, "a length whose low half is small");
	bare_is(bare_call3(__NR_munmap, w->end - PIECE, PIECE, 0), 0, "munmap up to the end");
	bare_is(bare_call3(__NR_munmap, w->end - PIECE, PIECE + 1, 0), -ENOSYS, "munmap past the end");
	bare_is(bare_call3(__NR_munmap, w->end, 4096, 0), -ENOSYS, "munmap at the end");
	bare_is(bare_call3(__NR_munmap, w->start, FAR + 4096, 0), -ENOSYS, "munmap of a length whose low half is small");
	bare_is(bare_call3(__NR_munmap, w->start - 4096, 8192, 0), -ENOSYS, "munmap across the start");
}

void memory_calls(void)
{
	const int rw = PROT_READ | PROT_WRITE, fixed = MAP_SHARED | MAP_FIXED;
	long ram = bare_boot->ram_fd;
	unsigned long size = bare_boot->ram_size;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		edges(&windows[i]);
	map(WINDOW, 4096, rw, fixed, ram, 0, true, "RAM in vmalloc");
	map(WINDOW, 4096, rw | PROT_EXEC, fixed, ram, size - 4096, true, "the last page of RAM, to execute");
	map(WINDOW, 4096, rw, fixed, ram, size, false, "RAM's descriptor behind RAM");
	map(R3_SHARED_BASE, 4096, rw, fixed, ram, 0, false, "over the boot block");
	map(R3_DIRECT_BASE, 4096, rw, fixed, ram, 0, false, "over the direct map");
	map(0x10000, 4096, rw, fixed, ram, 0, false, "RAM at a low address");
	map(0, 4096, rw, MAP_SHARED, ram, 0, false, "RAM anywhere");
	map(WINDOW, 4096, rw, MAP_PRIVATE | MAP_FIXED, ram, 0, false, "RAM privately");
	map(WINDOW, 4096, rw, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0, false, "new memory in the window");
	map(WINDOW, 4096, rw, fixed | MAP_ANONYMOUS, ram, 0, false, "new memory with RAM's descriptor");
	map(WINDOW, 4096, rw, fixed | MAP_LOCKED, ram, 0, false, "locked");
	map(WINDOW, 4096, rw, fixed | MAP_GROWSDOWN, ram, 0, false, "growing");
	map(WINDOW, 4096, rw | 0x8, fixed, ram, 0, false, "with another protection");
	map(WINDOW, 4096, rw, fixed, bare_boot->exit_fd, 0, false, "another descriptor");
	bare_is(bare_call3(__NR_munmap, WINDOW, 4096, 0), 0, "munmap in vmalloc");
	bare_is(bare_call3(__NR_munmap, R3_SHARED_BASE, 4096, 0), -ENOSYS, "munmap of the boot block");
	bare_is(bare_call3(__NR_munmap, 0x7f0000000000, 0x10000000, 0), -ENOSYS, "munmap of the monitor's own");
	bare_is(bare_call3(__NR_madvise, R3_DIRECT_BASE, 4096, MADV_HUGEPAGE), -ENOSYS, "madvise of another kind");
	bare_is(bare_call3(__NR_madvise, R3_DIRECT_BASE + 4096, 4096, MADV_REMOVE), 0, "madvise gives memory back");
	bare_is(bare_call3(__NR_madvise, R3_DIRECT_BASE, PIECE + 1, MADV_REMOVE), -ENOSYS, "madvise of more than a piece");
	bare_is(bare_call3(__NR_madvise, R3_DIRECT_BASE + R3_DIRECT_SIZE - 4096, 8192, MADV_REMOVE), -ENOSYS, "madvise behind the direct map");
	bare_is(bare_call3(__NR_madvise, R3_SHARED_BASE, 4096, MADV_REMOVE), -ENOSYS, "madvise of the boot block");
	bare_is(bare_call6(__NR_mremap, R3_DIRECT_BASE, 4096, 8192, 1, 0, 0), -ENOSYS, "mremap");
	bare_is(bare_call3(__NR_mprotect, R3_DIRECT_BASE, 4096, rw), -ENOSYS, "mprotect");
	bare_is(bare_call1(__NR_brk, 0), 0, "brk");
}

/* Nobody that the guest names gets a signal, neither from it nor from a device. */
void victims(void)
{
	unsigned int before = bare_irqs, i;
	long pid = bare_boot->pid, tid = bare_boot->vcpu[0].tid;
	static char bytes[16];
	struct vbuf buf = { bytes, sizeof(bytes), true };
	struct vdev rng;

	bare_is(bare_call3(__NR_tgkill, pid, tid, R3_SIG_IRQ), 0, "tgkill of a vCPU");
	bare_is(bare_call3(__NR_tgkill, pid, tid, 9), -ENOSYS, "tgkill with another signal");
	bare_is(bare_call3(__NR_tgkill, pid, tid, 0), -ENOSYS, "tgkill without a signal");
	bare_is(bare_call3(__NR_tgkill, 1, 1, R3_SIG_IRQ), -ENOSYS, "tgkill of another process");
	bare_is(bare_call3(__NR_tkill, tid, R3_SIG_IRQ, 0), -ENOSYS, "tkill");
	bare_is(bare_call3(__NR_kill, -1, R3_SIG_IRQ, 0), -ENOSYS, "kill of all");

	bare_boot->pid = 1;
	bare_boot->vcpu[0].tid = 1;
	bare_boot->vcpu[0].ack_fd = 2;
	bare_boot->nr_cpus = 1000;
	before = bare_irqs;
	if (vdev_find(&rng, VIRTIO_ID_RNG, 0) && vdev_init(&rng, 0))
		vdev_do(&rng, 0, &buf, 1);
	for (i = 0; i < 1000 && bare_read(bare_irqs) == before; i++)
		bare_wait_ms(1);
	bare_ok(bare_irqs != before, "interrupts reach the vCPU whatever the boot block says");
	bare_boot->pid = pid;
	bare_boot->vcpu[0].tid = tid;
	bare_boot->nr_cpus = 1;
}

/*
 * The zygote was started soon after the monitor. Asking comes first: where
 * that is answered, nothing is sent.
 */
bool kill_spaces(long pid)
{
	bool open = false;
	long i;

	for (i = 1; i < 200; i++) {
		if (bare_call3(__NR_kill, -(pid + i), 0, 0) != -ENOSYS)
			return true;
		if (bare_call3(__NR_kill, -(pid + i), 9, 0) != -ENOSYS) {
			bare_printf("# kill of %ld, which is the monitor's %ld plus %ld\n", -(pid + i), pid, i);
			open = true;
		}
	}
	return open;
}
