// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ring3/boot.h>
#include <ring3/layout.h>

#include "base/util.h"

#define PAGE		4096ULL
#define PTE_PRESENT	1ULL
#define PTE_LARGE	0x80ULL
#define PTE_ADDRESS	0x000ffffffffff000ULL
#define LEVELS		4

static int refused(const char *name, int error, struct r3_err *err)
{
	char text[8] = "";
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = 0;
		close(fd);
	}
	if (text[0] >= '1')
		return err_set(err, error, "this host lets no process trace another (kernel.yama.ptrace_scope is %c): %sset that to 0", text[0],
			       text[0] == '1' ? "start the guest with \"ring3 run --debug\", or " : "");
	return err_set(err, error, "this host does not let you trace the guest %s (%s): do it as the user who started it; in a container, allow ptrace", name, strerror(-error));
}

int vmem_open(struct vmem *m, pid_t monitor, const char *name, struct r3_err *err)
{
	struct r3_boot boot;
	char path[64];

	*m = (struct vmem){ .monitor = monitor, .pgd = VMEM_NONE, .user_pgd = VMEM_NONE };
	snprintf(path, sizeof(path), "/proc/%d/mem", monitor);
	m->fd = open(path, O_RDWR | O_CLOEXEC);
	if (m->fd < 0 && (errno == ENOENT || errno == ESRCH))
		return err_set(err, errno, "the guest %s has just ended", name);
	if (m->fd < 0)
		return refused(name, -errno, err);
	if (pread(m->fd, &boot, offsetof(struct r3_boot, vcpu), R3_SHARED_BASE) != offsetof(struct r3_boot, vcpu) ||
	    boot.magic != R3_BOOT_MAGIC || boot.nr_cpus < 1 || boot.nr_cpus > R3_MAX_CPUS || boot.ram_size > R3_DIRECT_SIZE) {
		vmem_close(m);
		return err_set(err, EAGAIN, "the guest %s has no memory yet, or none any more: try again", name);
	}
	m->ram = boot.ram_size & ~(PAGE - 1);
	m->cpus = boot.nr_cpus;
	m->tsc = boot.tsc_khz != 0;
	return 0;
}

int vmem_ram(const struct vmem *m, struct r3_err *err)
{
	char path[64], name[64];
	struct r3_boot boot;
	struct stat st;
	ssize_t n;
	int fd;

	/* The number is the guest's to write, and may be any of its monitor's files. */
	if (pread(m->fd, &boot, offsetof(struct r3_boot, vcpu), R3_SHARED_BASE) != offsetof(struct r3_boot, vcpu))
		return err_set(err, ESRCH, "the guest has just ended");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", m->monitor, boot.ram_fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	fd = strcmp(name, "/memfd:ring3-ram (deleted)") ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= m->ram && fcntl(fd, F_GET_SEALS) >= 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(err, EACCES, "the guest's memory cannot be opened");
}

void vmem_close(struct vmem *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

int vmem_read_gpa(const struct vmem *m, uint64_t gpa, void *buf, size_t len)
{
	if (len > m->ram || gpa > m->ram - len)
		return -EFAULT;
	return pread(m->fd, buf, len, R3_DIRECT_BASE + gpa) == (ssize_t)len ? 0 : -EFAULT;
}

static unsigned int shift_of(int level)
{
	return 12 + 9 * level;
}

static uint64_t entry_at(const struct vmem *m, uint64_t table, int level, uint64_t addr)
{
	uint64_t entry;

	if (vmem_read_gpa(m, table + (addr >> shift_of(level) & 511) * 8, &entry, sizeof(entry)))
		return 0;
	return entry & PTE_PRESENT ? entry : 0;
}

/* *len: up to where the answer, whatever it is, holds. */
static uint64_t walk(const struct vmem *m, uint64_t table, uint64_t addr, uint64_t *len)
{
	uint64_t entry = 0, size = 0, gpa;
	int level;

	for (level = LEVELS - 1; level >= 0; level--) {
		size = 1ULL << shift_of(level);
		*len = size - (addr & (size - 1));
		entry = entry_at(m, table, level, addr);
		if (!entry)
			return VMEM_NONE;
		table = entry & PTE_ADDRESS;
		if (level && level < LEVELS - 1 && entry & PTE_LARGE)
			break;
	}
	gpa = (entry & PTE_ADDRESS & ~(size - 1)) + (addr & (size - 1));
	return *len <= m->ram && gpa <= m->ram - *len ? gpa : VMEM_NONE;
}

uint64_t vmem_gpa(const struct vmem *m, uint64_t addr)
{
	uint64_t table, len;

	if (addr >= R3_DIRECT_BASE && addr - R3_DIRECT_BASE < m->ram)
		return addr - R3_DIRECT_BASE;
	if (addr >= R3_IMAGE_BASE && addr < R3_MODULES_BASE)
		return addr - R3_IMAGE_BASE + R3_IMAGE_GPA < m->ram ? addr - R3_IMAGE_BASE + R3_IMAGE_GPA : VMEM_NONE;
	table = addr < R3_TASK_SIZE ? m->user_pgd : m->pgd;
	return table == VMEM_NONE || addr >> 47 ? VMEM_NONE : walk(m, table, addr, &len);
}

int vmem_each(const struct vmem *m, uint64_t from, uint64_t to,
	      int (*run)(void *ctx, uint64_t addr, uint64_t gpa, uint64_t len), void *ctx, unsigned int max)
{
	uint64_t at, len, gpa, run_at = 0, run_gpa = VMEM_NONE, run_len = 0;
	int ret = 0;

	for (at = from; at < to && m->pgd != VMEM_NONE; at += len) {
		gpa = walk(m, m->pgd, at, &len);
		len = min_t(uint64_t, len, to - at);
		if (gpa != VMEM_NONE && run_gpa != VMEM_NONE && run_gpa + run_len == gpa) {
			run_len += len;
			continue;
		}
		if (run_gpa != VMEM_NONE) {
			ret = max-- ? run(ctx, run_at, run_gpa, run_len) : -E2BIG;
			if (ret)
				return ret;
		}
		run_at = at;
		run_gpa = gpa;
		run_len = len;
	}
	if (run_gpa != VMEM_NONE)
		ret = max ? run(ctx, run_at, run_gpa, run_len) : -E2BIG;
	return ret;
}

void vmem_symbols(struct vmem *m, uint64_t pgd, uint64_t current_task, uint64_t outside)
{
	m->pgd = pgd ? vmem_gpa(m, pgd) : VMEM_NONE;
	m->current_task = current_task;
	if (!outside || vmem_read(m, outside, &m->at, sizeof(m->at)) || m->at.version != R3_OUTSIDE_VERSION)
		m->at.version = 0;
}

static uint64_t pointer_at(const struct vmem *m, uint64_t addr)
{
	uint64_t value;

	return addr >= R3_TASK_SIZE && !vmem_read(m, addr, &value, sizeof(value)) && value >= R3_TASK_SIZE ? value : 0;
}

uint64_t vmem_task(const struct vmem *m, uint64_t gs_base)
{
	return m->current_task ? pointer_at(m, gs_base + m->current_task) : 0;
}

bool vmem_task_name(const struct vmem *m, uint64_t task, char comm[16], int *pid)
{
	if (!task || !m->at.version || vmem_read(m, task + m->at.task_comm, comm, 16) ||
	    vmem_read(m, task + m->at.task_pid, pid, sizeof(*pid)))
		return false;
	comm[15] = 0;
	return true;
}

void vmem_set_user(struct vmem *m, uint64_t task)
{
	uint64_t mm = task && m->at.version ? pointer_at(m, task + m->at.task_mm) : 0;
	uint64_t pgd = mm ? pointer_at(m, mm + m->at.mm_pgd) : 0;

	m->user_pgd = pgd ? vmem_gpa(m, pgd) : VMEM_NONE;
}

/* By the address itself, or by that of the RAM behind it in the direct map. */
static int move(const struct vmem *m, uint64_t addr, void *buf, size_t len, bool write)
{
	while (len) {
		size_t n = min_t(size_t, len, PAGE - (addr & (PAGE - 1)));
		uint64_t gpa = vmem_gpa(m, addr);
		uint64_t at = gpa == VMEM_NONE ? addr : R3_DIRECT_BASE + gpa;
		ssize_t done;

		/* User addresses are the spaces'; the monitor has something else there. */
		if (addr < R3_TASK_SIZE && gpa == VMEM_NONE)
			return -EFAULT;
		done = write ? pwrite(m->fd, buf, n, at) : pread(m->fd, buf, n, at);
		if (done != (ssize_t)n)
			return -EFAULT;
		addr += n;
		buf = (char *)buf + n;
		len -= n;
	}
	return 0;
}

int vmem_read(const struct vmem *m, uint64_t addr, void *buf, size_t len)
{
	if (addr >> 47)
		return -EFAULT;
	return move(m, addr, buf, len, false);
}

int vmem_write(const struct vmem *m, uint64_t addr, const void *buf, size_t len)
{
	if (addr >> 47)
		return -EFAULT;
	return move(m, addr, (void *)buf, len, true);
}
