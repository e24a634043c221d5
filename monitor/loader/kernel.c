// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <ring3/layout.h>

#include "base/util.h"
#include "loader/loader.h"

#define PAGE		4096UL
#define MAX_PHDRS	16

static int read_at(int fd, void *buf, size_t len, uint64_t off)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		buf = (char *)buf + n;
		len -= n;
		off += n;
	}
	return 0;
}

static int read_headers(int fd, const char *path, Elf64_Ehdr *eh, Elf64_Phdr *ph,
			struct r3_err *err)
{
	int ret = read_at(fd, eh, sizeof(*eh), 0);

	if (ret == -ENODATA)
		return err_set(err, -ENOEXEC, "%s is not a kernel: it is shorter than an ELF header. Give a ring3 vmlinux with --kernel", path);
	if (ret)
		return err_set(err, ret, "cannot read the kernel %s: %s", path, strerror(-ret));
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return err_set(err, -ENOEXEC, "%s is not a kernel: it is no ELF file. Give a ring3 vmlinux (not a bzImage) with --kernel", path);
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64)
		return err_set(err, -ENOEXEC, "%s is for another architecture: ring3 needs an x86-64 kernel built with ARCH=ring3", path);
	if (eh->e_type != ET_EXEC || eh->e_phentsize != sizeof(*ph) || !eh->e_phnum ||
	    eh->e_phnum > MAX_PHDRS)
		return err_set(err, -ENOEXEC, "%s is no ring3 vmlinux: build one with kernel/build.sh", path);
	ret = read_at(fd, ph, eh->e_phnum * sizeof(*ph), eh->e_phoff);
	if (ret)
		return err_set(err, -ENOEXEC, "the kernel %s is truncated: build or copy it again", path);
	return 0;
}

static bool is_zero(const char *page)
{
	return !*page && !memcmp(page, page + 1, PAGE - 1);
}

/*
 * Pages that are zero anyway need not be there before they are written to:
 * tables of initialised data that begin with a few values (printk's, 900 KiB).
 */
static void drop_zeroes(char *p, size_t len)
{
	char *end = p + (len & ~(PAGE - 1)), *from;

	while (p < end) {
		for (from = p; p < end && is_zero(p); p += PAGE)
			;
		if (p > from)
			madvise(from, p - from, MADV_REMOVE);
		else
			p += PAGE;
	}
}

static int map_segment(const struct guest_mem *mem, const Elf64_Phdr *ph)
{
	uint64_t start = ph->p_vaddr & ~(PAGE - 1);
	uint64_t end = (ph->p_vaddr + ph->p_memsz + PAGE - 1) & ~(PAGE - 1);
	uint64_t gpa = ph->p_paddr & ~(PAGE - 1);
	int prot = (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
		   (ph->p_flags & PF_X ? PROT_EXEC : 0);
	void *p = mmap((void *)start, end - start, prot, MAP_SHARED | MAP_FIXED_NOREPLACE,
		       mem->fd, gpa);

	return p == (void *)start ? 0 : p == MAP_FAILED ? -errno : -EEXIST;
}

static bool segment_ok(const Elf64_Phdr *ph)
{
	uint64_t off = ph->p_vaddr - R3_IMAGE_BASE;

	return ph->p_vaddr >= R3_IMAGE_BASE && off < R3_MODULES_BASE - R3_IMAGE_BASE &&
	       ph->p_memsz < R3_MODULES_BASE - R3_IMAGE_BASE - off &&
	       ph->p_filesz <= ph->p_memsz && ph->p_paddr == off + R3_IMAGE_GPA;
}

int load_kernel(int fd, const char *path, const struct guest_mem *mem,
		struct r3_image_header *hdr, struct r3_err *err)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_PHDRS];
	int ret = read_headers(fd, path, &eh, ph, err);
	unsigned int i;
	void *p;

	if (ret)
		return ret;
	for (i = 0; i < eh.e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz)
			continue;
		if (!segment_ok(&ph[i]))
			return err_set(err, -ENOEXEC, "%s is not linked as a ring3 kernel: build it with ARCH=ring3 (kernel/build.sh)", path);
		p = mem_ptr(mem, ph[i].p_paddr, ph[i].p_memsz);
		if (!p)
			return err_set(err, -ENOMEM, "the kernel %s does not fit into %" PRIu64 " MiB of memory: give the guest more with --mem", path, mem->size >> 20);
		ret = read_at(fd, p, ph[i].p_filesz, ph[i].p_offset);
		if (ret)
			return err_set(err, ret, "the kernel %s is truncated: build or copy it again", path);
		if (!(ph[i].p_paddr & (PAGE - 1)))
			drop_zeroes(p, ph[i].p_filesz);
		ret = map_segment(mem, &ph[i]);
		if (ret)
			return err_set(err, ret, "cannot map the kernel at %#" PRIx64 ": %s", (uint64_t)ph[i].p_vaddr, strerror(-ret));
	}

	p = mem_ptr(mem, eh.e_entry - R3_IMAGE_BASE + R3_IMAGE_GPA, sizeof(*hdr));
	if (p)
		memcpy(hdr, p, sizeof(*hdr));
	if (!p || hdr->magic != R3_BOOT_MAGIC)
		return err_set(err, -ENOEXEC, "%s is no ring3 kernel: build one with kernel/build.sh", path);
	if (hdr->version != R3_ABI_VERSION)
		return err_set(err, -ENOEXEC, "the kernel %s speaks version %u of the monitor's interface, this monitor version %u: build both from the same sources", path, hdr->version, R3_ABI_VERSION);
	return 0;
}

int load_initrd(int fd, const struct guest_mem *mem, uint64_t kernel_end,
		uint64_t *gpa, uint64_t *size, struct r3_err *err)
{
	struct stat st;
	uint64_t at;
	int ret;

	if (fstat(fd, &st))
		return err_set(err, -errno, "cannot read the initramfs: %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return err_set(err, -EINVAL, "the initramfs is empty or no file: give a cpio archive with --initrd");
	at = (mem->size - (uint64_t)st.st_size) & ~(PAGE - 1);
	if ((uint64_t)st.st_size >= mem->size || at < kernel_end)
		return err_set(err, -ENOMEM, "the initramfs (%" PRIu64 " MiB) does not fit into %" PRIu64 " MiB of memory: give the guest more with --mem", (uint64_t)st.st_size >> 20, mem->size >> 20);
	ret = read_at(fd, mem_ptr(mem, at, st.st_size), st.st_size, 0);
	if (ret)
		return err_set(err, ret, "cannot read the initramfs: %s", strerror(-ret));
	*gpa = at;
	*size = st.st_size;
	return 0;
}
