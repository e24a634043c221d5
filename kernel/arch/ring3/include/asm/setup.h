/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_SETUP_H
#define _ASM_RING3_SETUP_H

#define COMMAND_LINE_SIZE 4096		/* R3_CMDLINE_SIZE */

#endif
