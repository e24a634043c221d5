// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For tracing.t, in the guest.
 *
 *   tracing calls N		calls getppid N times, in a function of libc that may be probed, and says how
 *				many gave what they should
 *   tracing bpf EVENT		a BPF program on a tracepoint counts calls of getppid; says whether it is
 *				machine code and what it counted
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int count_program(int map)
{
	/* key = 0; value = lookup(map, &key); if (value) *value += 1; return 0 */
	struct bpf_insn prog[] = {
		{ BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4 },
		{ BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map }, { 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1 },
		{ BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	char log[8192] = "";
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT, .insns = (unsigned long)prog,
		.insn_cnt = sizeof(prog) / sizeof(prog[0]), .license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log, .log_size = sizeof(log), .log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		printf("no program: %m: %s\n", log);
	return fd;
}

static int count_by_bpf(int event)
{
	union bpf_attr map_attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };
	struct perf_event_attr pe = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(pe), .config = event,
				      .sample_period = 1, .wakeup_events = 1 };
	int map = bpf(BPF_MAP_CREATE, &map_attr), prog = count_program(map), key = 0, fd, i;
	struct bpf_prog_info info = { 0 };
	union bpf_attr info_attr = { .info = { .bpf_fd = prog, .info_len = sizeof(info), .info = (unsigned long)&info } };
	unsigned long long value = 0;
	union bpf_attr look = { .map_fd = map, .key = (unsigned long)&key, .value = (unsigned long)&value };

	fd = syscall(__NR_perf_event_open, &pe, 0, -1, -1, 0);
	if (map < 0 || prog < 0 || fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		printf("not set up: map %d program %d event %d: %m\n", map, prog, fd);
		return 1;
	}
	for (i = 0; i < 1000; i++)
		getppid();
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	bpf(BPF_OBJ_GET_INFO_BY_FD, &info_attr);
	bpf(BPF_MAP_LOOKUP_ELEM, &look);
	printf("jited %d counted %llu\n", info.jited_prog_len > 0, value);
	return 0;
}

int main(int argc, char **argv)
{
	long i, n, good = 0;
	pid_t parent = syscall(__NR_getppid);

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "bpf"))
		return count_by_bpf(atoi(argv[2]));
	n = atol(argv[2]);
	for (i = 0; i < n; i++)
		good += getppid() == parent;
	printf("%ld of %ld\n", good, n);
	return 0;
}
