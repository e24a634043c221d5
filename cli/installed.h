/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an installed ring3 brings along: a guest kernel, its modules and the initramfs. */
#ifndef R3_INSTALLED_H
#define R3_INSTALLED_H

/*
 * installed_file() - the path of an installed file: "vmlinux", "modules.img", "initramfs.cpio"
 *
 * They are in lib/ring3 beside the directory that this program is in. Return: NULL if there is none; else a
 * string that lives as long as the program.
 */
const char *installed_file(const char *name);

/*
 * installed_part() - the path of a script that builds kernels or drives tests: "kernel/build.sh", "scripts/kunit"
 *
 * They are in share/ring3; or in the source tree, for a program that has not been installed. Return: as above.
 */
const char *installed_part(const char *name);

#endif
