// SPDX-License-Identifier: GPL-2.0-or-later
#include "ksym.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

static const void *part(const struct ksym *k, uint64_t offset, uint64_t len)
{
	return len && len <= k->size && offset <= k->size - len ? k->file + offset : NULL;
}

static bool has_name(const struct ksym *k, const Elf64_Shdr *names, uint32_t at, const char *name)
{
	size_t len = strlen(name) + 1;
	const char *text = at < names->sh_size && names->sh_size - at >= len ? part(k, names->sh_offset + at, len) : NULL;

	return text && !memcmp(text, name, len);
}

static int find_tables(struct ksym *k)
{
	const Elf64_Ehdr *eh = part(k, 0, sizeof(*eh));
	const Elf64_Shdr *sh, *str;
	unsigned int i;

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	sh = eh->e_shentsize == sizeof(*sh) ? part(k, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(*sh)) : NULL;
	if (!sh || eh->e_shstrndx >= eh->e_shnum)
		return -ENOEXEC;
	for (i = 0; i < eh->e_shnum; i++) {
		if (has_name(k, &sh[eh->e_shstrndx], sh[i].sh_name, ".debug_info"))
			k->dwarf = 1;
		if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_entsize != sizeof(Elf64_Sym) || sh[i].sh_link >= eh->e_shnum)
			continue;
		str = &sh[sh[i].sh_link];
		k->sym = part(k, sh[i].sh_offset, sh[i].sh_size);
		k->nr = sh[i].sh_size / sizeof(Elf64_Sym);
		k->str = part(k, str->sh_offset, str->sh_size);
		k->str_size = str->sh_size;
	}
	return k->sym && k->str && !k->str[k->str_size - 1] ? 0 : -ENOENT;
}

int ksym_open(struct ksym *k, const char *path, struct r3_err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int ret;

	*k = (struct ksym){ 0 };
	if (fd < 0 || fstat(fd, &st))
		return err_set(err, errno, "cannot open the kernel %s: %s", path, strerror(errno));
	k->size = st.st_size;
	k->file = mmap(NULL, k->size ?: 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (k->file == MAP_FAILED) {
		k->file = NULL;
		return err_set(err, errno, "cannot read the kernel %s: %s", path, strerror(errno));
	}
	ret = find_tables(k);
	if (ret) {
		ksym_close(k);
		return err_set(err, ret, ret == -ENOENT ? "the kernel %s has no symbols: build one with kernel/build.sh, and keep vmlinux.debug beside it" :
			       "%s is no kernel: it is no ELF file", path);
	}
	return 0;
}

void ksym_close(struct ksym *k)
{
	if (k->file)
		munmap((void *)k->file, k->size ?: 1);
	k->file = NULL;
}

static const char *name_of(const struct ksym *k, const Elf64_Sym *sym)
{
	return sym->st_name < k->str_size ? k->str + sym->st_name : "";
}

uint64_t ksym_find(const struct ksym *k, const char *name)
{
	const Elf64_Sym *sym = k->sym;
	size_t i;

	for (i = 0; k->file && i < k->nr; i++)
		if (sym[i].st_shndx != SHN_UNDEF && !strcmp(name_of(k, &sym[i]), name))
			return sym[i].st_value;
	return 0;
}

const char *ksym_name(const struct ksym *k, uint64_t addr, uint64_t *offset)
{
	const Elf64_Sym *sym = k->sym, *best = NULL;
	size_t i;

	for (i = 0; k->file && i < k->nr; i++)
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_value <= addr &&
		    (!best || sym[i].st_value > best->st_value))
			best = &sym[i];
	if (!best || addr - best->st_value > (best->st_size ?: 4096))
		return NULL;
	*offset = addr - best->st_value;
	return name_of(k, best);
}

char *ksym_beside(const char *kernel)
{
	char *path;

	if (asprintf(&path, "%s.debug", kernel) < 0)
		return NULL;
	if (access(path, R_OK)) {
		free(path);
		path = strdup(kernel);
	}
	return path;
}
