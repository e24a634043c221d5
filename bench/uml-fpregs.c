// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded into linux.uml. Debian's UML 6.1 hands the host an XSAVE area
 * of fixed size, which the host refuses (EFAULT) where the processor has
 * AVX-512 or AMX, and the guest's init dies at once. With NT_X86_XSTATE
 * denied from the start UML uses the older and smaller register set instead,
 * which is no slower but loses what is above SSE: systems.py keeps the guest's C
 * library from using that.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE	0x202
#endif

/* The system call puts what PEEK asks for into *data; the C library returns it. */
long ptrace(enum __ptrace_request request, ...)
{
	long peeked = 0, ret;
	void *addr, *data;
	va_list args;
	pid_t pid;
	int peek = request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA ||
		   request == PTRACE_PEEKUSER;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);
	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) &&
	    (unsigned long)addr == NT_X86_XSTATE) {
		errno = EINVAL;
		return -1;
	}
	ret = syscall(SYS_ptrace, request, pid, addr, peek ? &peeked : data);
	if (peek && ret >= 0) {
		errno = 0;
		return peeked;
	}
	return ret;
}
