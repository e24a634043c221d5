// SPDX-License-Identifier: GPL-2.0-only
/* Modules: their relocations. */
#include <linux/module.h>
#include <linux/moduleloader.h>
#include <linux/vmalloc.h>
#include <linux/mm.h>
#include <linux/init.h>
#include <asm/elf.h>
#include <asm/pgtable.h>

#ifdef R3_OLD_MODULE_ALLOC
void *module_alloc(unsigned long size)
{
	return __vmalloc_node_range(size, 1, MODULES_VADDR, MODULES_END, GFP_KERNEL,
				    PAGE_KERNEL_EXEC, 0, NUMA_NO_NODE,
				    __builtin_return_address(0));
}
#endif

int apply_relocate_add(Elf64_Shdr *sechdrs, const char *strtab, unsigned int symindex,
		       unsigned int relsec, struct module *me)
{
	Elf64_Rela *rel = (void *)sechdrs[relsec].sh_addr;
	unsigned int i;

	for (i = 0; i < sechdrs[relsec].sh_size / sizeof(*rel); i++) {
		Elf64_Shdr *target = &sechdrs[sechdrs[relsec].sh_info];
		void *where = (void *)target->sh_addr + rel[i].r_offset;
		Elf64_Sym *sym = (Elf64_Sym *)sechdrs[symindex].sh_addr +
				 ELF64_R_SYM(rel[i].r_info);
		u64 val = sym->st_value + rel[i].r_addend;

		switch (ELF64_R_TYPE(rel[i].r_info)) {
		case R_X86_64_NONE:
			break;
		case R_X86_64_64:
			*(u64 *)where = val;
			break;
		case R_X86_64_PC64:
			*(u64 *)where = val - (u64)where;
			break;
		case R_X86_64_PC32:
		case R_X86_64_PLT32:
			val -= (u64)where;
			if ((s64)val != (s32)val)
				goto overflow;
			*(u32 *)where = val;
			break;
		default:
			pr_err("%s: relocation type %llu is not supported\n", me->name,
			       ELF64_R_TYPE(rel[i].r_info));
			return -ENOEXEC;
		}
	}
	return 0;

overflow:
	pr_err("%s: relocation against '%s' does not reach: build it as position independent code\n",
	       me->name, strtab + ((Elf64_Sym *)sechdrs[symindex].sh_addr +
				   ELF64_R_SYM(rel[i].r_info))->st_name);
	return -ENOEXEC;
}
