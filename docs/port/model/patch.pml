/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel text that is patched while other vCPUs run it (kernel/text.c). Who meets a
 * breakpoint goes on where its own place leads, and never finds a breakpoint that is
 * nobody's.
 *
 * Mistakes that are found:
 *   NO_COUNT		whether the batch is still the same is not looked at again when a place was found in it
 *   NO_COUNT_WITHOUT	nor when none was found
 *   READ_ALWAYS	the batch is read while it is filled, too
 *   FILLED_LIVE	it is filled when it counts already
 */

#define PLACES 2
#define BATCHES 2
#define BREAKPOINT 9
#define DESTINATION(p, kind) (1 + (p) * 2 + (kind))

byte code[PLACES];		/* the first byte of each: its kind, or the breakpoint */
bool in[PLACES];		/* is the place in the batch? */
byte to[PLACES];		/* and where that leads */
byte count;			/* odd while the batch stands still */

inline fill()
{
	for (p : 0 .. PLACES - 1) {
		in[p] = false;
		if
		:: to[p] = DESTINATION(p, 1 - code[p]);
		   in[p] = true
		:: skip
		fi
	}
}

active proctype patcher()
{
	byte n, p;

	do
	:: n < BATCHES ->
#ifdef FILLED_LIVE
		count++;
		fill();
#else
		fill();
		count++;
#endif
		for (p : 0 .. PLACES - 1) {
			if
			:: in[p] -> code[p] = BREAKPOINT
			:: else -> skip
			fi
		}
		for (p : 0 .. PLACES - 1) {
			if
			:: in[p] -> code[p] = (to[p] - 1) % 2
			:: else -> skip
			fi
		}
		count++;
		n++
	:: else -> break
	od
}

/* r3_text_trap(); dest is 0 if the place is not in the batch */
inline trap()
{
	do
	:: began = count;
		dest = 0;
		if
#ifdef READ_ALWAYS
		:: in[p] -> dest = to[p]
#else
		:: began % 2 == 1 && in[p] -> dest = to[p]
#endif
		:: else -> skip
		fi;
		/* Is the batch what was read? What it says is about to be there, or is. */
		atomic {
			again = count;
			right = count % 2 == 1 && in[p] && to[p] == dest
		}
#ifdef NO_COUNT
		again = began;
#endif
		if
		:: dest != 0 && again == began ->
			assert(right);
			break
		:: else -> skip
		fi;
		if
		:: dest == 0 && code[p] != BREAKPOINT -> break
		:: else -> skip
		fi;
#ifdef NO_COUNT_WITHOUT
		again = began;
#else
		again = count;
#endif
		/* Else it is nobody's: a probe's, which there is none of here. */
		assert(again != began)
	od
}

active [2] proctype runner()
{
	byte p, dest, again, began;
	bool right;

	if
	:: p = 0
	:: p = 1
	fi;
	do
	:: code[p] == BREAKPOINT -> trap(); break
	:: code[p] != BREAKPOINT -> break
	od
}
