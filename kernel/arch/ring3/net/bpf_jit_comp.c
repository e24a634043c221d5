// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs as machine code: x86's file, built in place. It is 64-bit code to it
 * from here on. Only a per-CPU address is not what it takes it for: symbols do not
 * lie in the lowest 2 GiB, so programs call a function for that.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/memory.h>
#include <linux/netdevice.h>
#include <linux/set_memory.h>
#include <linux/sort.h>
#include <asm/extable.h>
#include <asm/ftrace.h>
#include <asm/nops.h>
#include <asm/processor.h>
#include <asm/text-patching.h>
#include <asm/unwind.h>
#include <asm/versions.h>
#include <uapi/asm/vsyscall.h>

#define CONFIG_X86_64 1
#include <asm/nospec-branch.h>
#include "../../x86/include/asm/cfi.h"

enum cfi_mode cfi_mode __ro_after_init = CFI_OFF;

#define bpf_jit_supports_percpu_insn x86_bpf_jit_supports_percpu_insn
static __maybe_unused bool x86_bpf_jit_supports_percpu_insn(void);
#include "../../x86/net/bpf_jit_comp.c"
