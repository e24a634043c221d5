/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every lie; one not named here is not told. */
#ifndef R3_TEST_LIES_H
#define R3_TEST_LIES_H

#include "lying.h"

#define LIES \
	LIE(loop) \
	LIE(next_beyond) \
	LIE(head_beyond) \
	LIE(address_outside) \
	LIE(address_straddles) \
	LIE(address_wraps) \
	LIE(length_giant) \
	LIE(length_zero) \
	LIE(length_all) \
	LIE(direction) \
	LIE(read_after_write) \
	LIE(overlapping) \
	LIE(avail_jumps) \
	LIE(same_head) \
	LIE(unset_entries) \
	LIE(indirect_nested) \
	LIE(indirect_loop) \
	LIE(indirect_beyond) \
	LIE(indirect_and_next) \
	LIE(indirect_odd) \
	LIE(indirect_empty) \
	LIE(indirect_outside) \
	LIE(indirect_giant) \
	LIE(indirect_misaligned) \
	LIE(indirect_long) \
	LIE(indirect_refused) \
	LIE(race_descriptors) \
	LIE(race_indirect) \
	LIE(race_rings) \
	LIE(race_page) \
	LIE(reset_under_load) \
	LIE(queue_size) \
	LIE(ring_outside) \
	LIE(ring_misaligned) \
	LIE(rings_overlap) \
	LIE(queues_beyond) \
	LIE(kick_early) \
	LIE(features_refused) \
	LIE(features_late) \
	LIE(queue_late) \
	LIE(page_facts) \
	LIE(config_written) \
	LIE(status_bits) \
	LIE(kick_storm) \
	LIE(control_storm) \
	LIE(interrupt_words) \
	LIE(blk_beyond) \
	LIE(blk_types) \
	LIE(blk_ranges) \
	LIE(blk_frames) \
	LIE(blk_odd_lengths) \
	LIE(blk_readonly) \
	LIE(blk_splinters) \
	LIE(console_garbage) \
	LIE(console_ports) \
	LIE(console_short) \
	LIE(console_no_room) \
	LIE(console_flips) \
	LIE(console_floods) \
	LIE(net_headers) \
	LIE(net_lengths) \
	LIE(net_floods) \
	LIE(net_small_buffer) \
	LIE(net_crumbs) \
	LIE(net_commands) \
	LIE(vsock_lengths) \
	LIE(vsock_small_buffer) \
	LIE(vsock_packets) \
	LIE(rng_huge)

#define LIE(name)	extern const struct lie lie_##name;
LIES
#undef LIE

#endif
