/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Static branches that are patched while other vCPUs run them (kernel/jump_label.c).
 * Who meets the breakpoint goes on where its own place leads, and never finds a
 * breakpoint that is nobody's.
 *
 * Mistakes that are found:
 *   DESTINATION_LATER the destination is read after the place, of which there may be another by then
 *   PLACE_TWICE	the place is read before and after the destination, and is the same: but not the same patch
 *   NO_COUNT		whether somebody patched meanwhile is told by the place, not by a count
 */

#define PLACES 2
#define PATCHES 4
#define BREAKPOINT 9
#define NONE 9
#define DESTINATION(p, kind) (1 + (p) * 2 + (kind))

byte code[PLACES];		/* the first byte of each: its kind, or the breakpoint */
byte place = NONE, to;		/* what is patched, and where that leads */
byte count;			/* of patches whose place was set */

active proctype patcher()
{
	byte n, p, kind;

	do
	:: n < PATCHES ->
		if
		:: p = 0
		:: p = 1
		fi;
		kind = 1 - code[p];
#if defined(DESTINATION_LATER) || defined(PLACE_TWICE)
		to = DESTINATION(p, kind);
		place = p;
#else
		atomic { to = DESTINATION(p, kind); place = p };	/* one word */
#endif
		count++;
		code[p] = BREAKPOINT;
		code[p] = kind;
		place = NONE;
		n++
	:: else -> break
	od
}

/* r3_jump_label_trap() */
inline trap()
{
	do
	:: began = count;
#ifdef DESTINATION_LATER
		at = place;
		dest = to;
#elif defined(PLACE_TWICE)
		at = place;
		dest = to;
		again = place;
		if
		:: at == p && again != p -> at = NONE
		:: else -> skip
		fi;
#else
		atomic { at = place; dest = to };
#endif
		if
		:: at == p ->
			assert((dest - 1) / 2 == p);
			break
		:: else -> skip
		fi;
		if
		:: code[p] != BREAKPOINT -> break
		:: else -> skip
		fi;
#ifdef NO_COUNT
		again = place;
		assert(again != at)
#else
		again = count;
		assert(again != began)
#endif
	od
}

active [2] proctype runner()
{
	byte p, at, dest, again, began;

	if
	:: p = 0
	:: p = 1
	fi;
	do
	:: code[p] == BREAKPOINT -> trap(); break
	:: code[p] != BREAKPOINT -> break
	od
}
