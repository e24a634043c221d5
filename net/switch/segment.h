/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segmentation in software: the packets that a GSO frame stands for, as a card
 * would send them. For cables that lose, repeat or reorder single packets, and
 * for members that take no offloads.
 */
#ifndef R3_SWITCH_SEGMENT_H
#define R3_SWITCH_SEGMENT_H

#include "frame.h"

/**
 * segment_make() - packet @i, from 0, of frame_packets()
 *
 * Its checksum is left to be completed (frame_complete()). NULL without memory.
 */
struct frame *segment_make(const struct frame *f, unsigned int i);

#endif
