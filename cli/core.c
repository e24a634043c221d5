// SPDX-License-Identifier: GPL-2.0-or-later
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ring3/layout.h>

#include "base/util.h"
#include "ksym.h"
#include "tracee.h"

#define PAGE		4096ULL
#define MAX_LOADS	65000		/* below PN_XNUM */
#define MAX_INFO	(64 << 10)
#define CHUNK		(1 << 20)
#define IDLE_PID	0x10000000	/* and the CPU: nobody has such a number */

struct core {
	struct vmem *mem;
	struct ksym sym;
	Elf64_Phdr *phdr;
	unsigned int nr;
	char *note;
	size_t note_len;
	bool headers;
	int fd;
};

static int add_load(void *ctx, uint64_t addr, uint64_t gpa, uint64_t len)
{
	struct core *c = ctx;

	/* Where RAM begins in the file is added later. */
	c->phdr[c->nr++] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = gpa, .p_vaddr = addr, .p_paddr = gpa,
		.p_filesz = len, .p_memsz = len, .p_align = PAGE,
	};
	return 0;
}

static void add_note(struct core *c, const char *name, uint32_t type, const void *desc, size_t len)
{
	Elf64_Nhdr head = { .n_namesz = strlen(name) + 1, .n_descsz = len, .n_type = type };
	char *p = c->note + c->note_len;

	memcpy(p, &head, sizeof(head));
	p += sizeof(head);
	memcpy(p, name, head.n_namesz);
	p += (head.n_namesz + 3) & ~3U;
	memcpy(p, desc, len);
	p += (len + 3) & ~3UL;
	c->note_len = p - c->note;
}

static void add_info(struct core *c)
{
	uint64_t data = ksym_find(&c->sym, "vmcoreinfo_data"), size = ksym_find(&c->sym, "vmcoreinfo_size"), at, len;
	cleanup_free char *text = malloc(MAX_INFO);

	if (!text || !data || !size || vmem_read(c->mem, data, &at, sizeof(at)) || vmem_read(c->mem, size, &len, sizeof(len)) ||
	    !len || len > MAX_INFO || vmem_read(c->mem, at, text, len))
		return;
	add_note(c, "VMCOREINFO", 0, text, len);
}

static int make_notes(struct core *c, const struct tracee *tr, struct r3_err *err)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;
	unsigned int i;

	unsigned int nr = tr ? tr->nr : 0;

	c->note = calloc(1, MAX_INFO + 128 + nr * (sizeof(struct elf_prstatus) + sizeof(fp) + 128));
	if (!c->note)
		return err_set(err, ENOMEM, "no memory for a dump's notes");
	for (i = 0; i < nr; i++) {
		struct elf_prstatus status = { .pr_pid = 0 };
		char comm[16];

		if (tracee_get(tr, i, &regs, &fp))
			continue;
		/* By the task's number drgn knows whose registers they are; gdb wants each but once. */
		if (!vmem_task_name(c->mem, vmem_task(c->mem, regs.gs_base), comm, &status.pr_pid) || !status.pr_pid)
			status.pr_pid = IDLE_PID + i;
		memcpy(&status.pr_reg, &regs, sizeof(regs));
		add_note(c, "CORE", NT_PRSTATUS, &status, sizeof(status));
		add_note(c, "CORE", NT_FPREGSET, &fp, sizeof(fp));
	}
	add_info(c);
	return 0;
}

static int make_loads(struct core *c, struct r3_err *err)
{
	uint64_t image = c->mem->ram > R3_IMAGE_GPA ? c->mem->ram - R3_IMAGE_GPA : 0;
	uint64_t end = ksym_find(&c->sym, "_end");
	int ret;

	c->phdr = calloc(MAX_LOADS + 4, sizeof(*c->phdr));
	if (!c->phdr)
		return err_set(err, ENOMEM, "no memory for a dump's headers");
	c->nr = 1;		/* the notes */
	if (end > R3_IMAGE_BASE)
		image = min_t(uint64_t, image, (end - R3_IMAGE_BASE + PAGE - 1) & ~(PAGE - 1));
	add_load(c, R3_IMAGE_BASE, R3_IMAGE_GPA, image);
	add_load(c, R3_DIRECT_BASE, 0, c->mem->ram);
	/* What does not fit in is still there by its physical address. */
	ret = vmem_each(c->mem, R3_MODULES_BASE, R3_MODULES_BASE + R3_MODULES_SIZE, add_load, c, MAX_LOADS / 4);
	if (!ret || ret == -E2BIG)
		vmem_each(c->mem, R3_VMALLOC_BASE, R3_VMALLOC_BASE + R3_VMALLOC_SIZE, add_load, c, MAX_LOADS - MAX_LOADS / 4);
	return 0;
}

static int put(struct core *c, const void *data, size_t len, uint64_t at)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(c->fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= n;
		at += n;
	}
	return 0;
}

static bool all_zero(const char *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}

static int copy_ram(struct core *c, int ram, uint64_t to)
{
	cleanup_free char *buf = malloc(CHUNK);
	off_t at = 0, end = 0;
	size_t i, n;
	int ret;

	if (!buf)
		return -ENOMEM;
	while (at < (off_t)c->mem->ram) {
		if (at >= end) {
			at = lseek(ram, at, SEEK_DATA);
			if (at < 0)
				break;
			end = lseek(ram, at, SEEK_HOLE);
			continue;
		}
		n = min_t(uint64_t, CHUNK, min_t(uint64_t, end, c->mem->ram) - at);
		if (pread(ram, buf, n, at) != (ssize_t)n)
			return -EIO;
		for (i = 0; i < n; i += PAGE) {
			if (all_zero(buf + i, PAGE))
				continue;
			ret = put(c, buf + i, PAGE, to + at + i);
			if (ret)
				return ret;
		}
		at += n;
	}
	return ftruncate(c->fd, to + c->mem->ram) ? -errno : 0;
}

static int put_all(struct core *c, int ram)
{
	uint64_t head = sizeof(Elf64_Ehdr) + c->nr * sizeof(Elf64_Phdr);
	uint64_t to = (head + c->note_len + PAGE - 1) & ~(PAGE - 1);
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = c->nr,
	};
	unsigned int i;
	int ret;

	c->phdr[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = head, .p_filesz = c->note_len, .p_memsz = c->note_len, .p_align = 4 };
	for (i = 1; i < c->nr; i++) {
		c->phdr[i].p_offset += to;
		if (c->headers)
			c->phdr[i].p_filesz = 0;
	}
	ret = put(c, &eh, sizeof(eh), 0);
	if (!ret)
		ret = put(c, c->phdr, c->nr * sizeof(Elf64_Phdr), sizeof(eh));
	if (!ret)
		ret = put(c, c->note, c->note_len, head);
	return ret || c->headers ? ret : copy_ram(c, ram, to);
}

static int refused(const char *path, int ret, struct r3_err *err)
{
	return err_set(err, ret, "cannot write the dump %s: %s%s", path, strerror(-ret), ret == -ENOSPC || ret == -EDQUOT ?
		       "; nothing is left of it, free some space or choose another place" :
		       ret == -EFBIG ? "; raise the limit of file sizes (ulimit -f)" : "");
}

void core_part(char *part, size_t size, const char *path, pid_t pid)
{
	snprintf(part, size, "%s.part-%d", path, pid);
}

/* A file without a name, or where there are none, of another name, which *part is then. */
static int open_unnamed(const char *path, char **part)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	int fd = dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		return fd;
	*part = malloc(PATH_MAX + 32);
	if (!*part)
		return -ENOMEM;
	core_part(*part, PATH_MAX + 32, path, getpid());
	fd = open(*part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int give_name(int fd, const char *part, const char *path)
{
	char own[32];

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (!part)
		return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
	/* Some file systems have no links. */
	if (!link(part, path) || ((errno == EPERM || errno == EOPNOTSUPP) && !rename(part, path)))
		return 0;
	return -errno;
}

/* Its name last, so that a dump is whole or is not there. */
static int with_file(struct core *c, int ram, const char *path, struct r3_err *err)
{
	cleanup_free char *part = NULL;
	int ret;

	if (!access(path, F_OK))
		return err_set(err, EEXIST, "there is a file %s already: remove it, or choose another name", path);
	signal(SIGXFSZ, SIG_IGN);
	c->fd = open_unnamed(path, &part);
	if (c->fd < 0)
		return refused(path, c->fd, err);
	ret = put_all(c, ram);
	if (!ret)
		ret = give_name(c->fd, part, path);
	if (part)
		unlink(part);
	close(c->fd);
	return ret ? refused(path, ret, err) : 0;
}

int core_write(const struct guest *g, const char *path, bool headers, struct r3_err *err)
{
	cleanup_free char *symbols = NULL;
	struct core c = { .fd = -1, .headers = headers };
	cleanup_close int ram = -1;
	struct tracee *tr = NULL;
	struct vmem mem;
	int ret = guest_memory(g, &mem, &symbols, err);

	if (ret)
		return ret;
	c.mem = &mem;
	ram = vmem_ram(&mem, err);
	ret = ram < 0 ? ram : ksym_open(&c.sym, symbols, err);
	if (ret)
		return ret;
	if (!headers && !(tr = tracee_open(&mem, g->name, err)))
		return err->code;
	ret = make_notes(&c, tr, err);
	if (!ret)
		ret = make_loads(&c, err);
	if (!ret)
		ret = with_file(&c, ram, path, err);
	if (tr)
		tracee_close(tr);
	ksym_close(&c.sym);
	vmem_close(&mem);
	free(c.phdr);
	free(c.note);
	return ret;
}
