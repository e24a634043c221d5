// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbregs.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum where { IN_REGS, IN_FXSAVE, NONE };

struct reg {
	const char *name;
	const char *type;
	unsigned char size;		/* for gdb */
	unsigned char have;		/* bytes of it that there are; the rest is 0 */
	unsigned char where;
	unsigned short offset;
	const char *feature;		/* which begins here */
};

#define REG(n, t, s, field, ...) { n, t, s, s, IN_REGS, offsetof(struct user_regs_struct, field), ##__VA_ARGS__ }
#define GPR(n) REG(#n, "int64", 8, n)
#define FX(n, have, field) { n, "int", 4, have, IN_FXSAVE, offsetof(struct user_fpregs_struct, field) }
#define ST(i) { "st" #i, "i387_ext", 10, 10, IN_FXSAVE, 32 + 16 * (i) }
#define XMM(i, ...) { "xmm" #i, "vec128", 16, 16, IN_FXSAVE, 160 + 16 * (i), ##__VA_ARGS__ }
#define ZERO(n) { n, "int", 4, 0, NONE }

static const struct reg table[] = {
	REG("rax", "int64", 8, rax, "core"), GPR(rbx), GPR(rcx), GPR(rdx), GPR(rsi), GPR(rdi),
	REG("rbp", "data_ptr", 8, rbp), REG("rsp", "data_ptr", 8, rsp),
	GPR(r8), GPR(r9), GPR(r10), GPR(r11), GPR(r12), GPR(r13), GPR(r14), GPR(r15),
	REG("rip", "code_ptr", 8, rip), REG("eflags", "i386_eflags", 4, eflags),
	REG("cs", "int32", 4, cs), REG("ss", "int32", 4, ss), REG("ds", "int32", 4, ds), REG("es", "int32", 4, es),
	REG("fs", "int32", 4, fs), REG("gs", "int32", 4, gs),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	FX("fctrl", 2, cwd), FX("fstat", 2, swd), FX("ftag", 2, ftw), ZERO("fiseg"),
	FX("fioff", 4, rip), ZERO("foseg"), FX("fooff", 4, rdp), FX("fop", 2, fop),
	XMM(0, "sse"), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
	XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
	FX("mxcsr", 4, mxcsr),
	REG("orig_rax", "int64", 8, orig_rax, "linux"),
	REG("fs_base", "int64", 8, fs_base, "segments"), REG("gs_base", "int64", 8, gs_base),
};

void gdbregs_pack(unsigned char *out, const struct user_regs_struct *regs, const struct user_fpregs_struct *fp)
{
	size_t i, at = 0;

	memset(out, 0, GDBREGS_SIZE);
	for (i = 0; i < ARRAY_SIZE(table); at += table[i++].size) {
		const struct reg *r = &table[i];

		memcpy(out + at, (r->where == IN_REGS ? (const char *)regs : (const char *)fp) + r->offset, r->have);
	}
}

void gdbregs_unpack(const unsigned char *in, struct user_regs_struct *regs, struct user_fpregs_struct *fp)
{
	size_t i, at = 0;

	for (i = 0; i < ARRAY_SIZE(table); at += table[i++].size) {
		const struct reg *r = &table[i];

		/* Registers of 32 bits are in fields of 64. */
		if (r->where == IN_REGS && r->size == 4)
			memset((char *)regs + r->offset, 0, 8);
		memcpy((r->where == IN_REGS ? (char *)regs : (char *)fp) + r->offset, in + at, r->have);
	}
}

size_t gdbregs_place(unsigned int nr, size_t *offset)
{
	unsigned int i;

	*offset = 0;
	for (i = 0; i < ARRAY_SIZE(table) && i < nr; i++)
		*offset += table[i].size;
	return nr < ARRAY_SIZE(table) ? table[nr].size : 0;
}

static const char sse_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
	"<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
	"<field name=\"uint128\" type=\"uint128\"/></union>";

static const char core_types[] =
	"<flags id=\"i386_eflags\" size=\"4\"><field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"PF\" start=\"2\" end=\"2\"/>"
	"<field name=\"AF\" start=\"4\" end=\"4\"/><field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
	"<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/><field name=\"DF\" start=\"10\" end=\"10\"/>"
	"<field name=\"OF\" start=\"11\" end=\"11\"/></flags>";

const char *gdbregs_xml(void)
{
	static char xml[12288];
	size_t i, n;

	if (xml[0])
		return xml;
	n = snprintf(xml, sizeof(xml), "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
		     "<architecture>i386:x86-64</architecture>");
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		const struct reg *r = &table[i];

		if (r->feature)
			n += snprintf(xml + n, sizeof(xml) - n, "%s<feature name=\"org.gnu.gdb.i386.%s\">%s", i ? "</feature>" : "",
				      r->feature, !i ? core_types : !strcmp(r->feature, "sse") ? sse_types : "");
		n += snprintf(xml + n, sizeof(xml) - n, "<reg name=\"%s\" bitsize=\"%d\" type=\"%s\"/>", r->name, r->size * 8, r->type);
	}
	snprintf(xml + n, sizeof(xml) - n, "</feature></target>");
	return xml;
}
