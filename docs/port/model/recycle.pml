// SPDX-License-Identifier: GPL-2.0-only
/*
 * A space whose address space has ended, and which serves another one: is its thread
 * the kernel's own by then, whatever the old user had it do? See README.md.
 *
 * Mistakes, each of which the checker has to find:
 *   NO_FIRST       nobody looks whether the thread sleeps before the reset
 *   NO_SECOND      nobody looks again before the next mm
 *   NO_RESET       resume is left at what it was: the thread sleeps on
 *   SLOT_WRITABLE  the slot is not made read-only
 *   KEEP_MEMORY    user memory is not unmapped first
 */
#define SLOT	0		/* whose resume word a thread may wait on */
#define OTHER	1		/* any other word of the slot, or nothing */

#define RESET	3		/* R3_RESUME_RESET */

mtype = { USER, POSTS, WAITS, SLEEPS, ASLEEP, AFTER, RESET_FLAGS, RESET_STACK, RETURNS, DEAD };
mtype = { OLD, ZERO, CLEAN };		/* the slot's frame, and what else the reset reads */

/* ---- the slot and the space ---- */
byte resume;
mtype frame = OLD;
bool writable = true;		/* the slot */
bool mapped = true;		/* user memory */
bool ended;			/* the process */

/* ---- the thread ---- */
mtype pc = USER;
byte base = SLOT;		/* the word it waits on, or RSP */
bool own_flags, own_stack, own_registers;	/* are they the old user's still? */
bool woken;

bool kept, serves;		/* by recycle.c */

#define HOSTILE	(own_flags || own_stack || own_registers)

inline die() { pc = DEAD; ended = true }

/* Writes to the slot fault where it is read-only: no stack for the signal, so it ends. */
inline stub_writes_resume(new)
{
	if
	:: writable -> resume = new
	:: !writable -> die()
	fi
}

/* A frame of its own for the host's rt_sigreturn: it goes anywhere in the stub. */
inline anywhere()
{
	own_registers = true;
	if
	:: pc = POSTS
	:: pc = WAITS
	:: pc = SLEEPS
	:: pc = RESET_FLAGS
	:: pc = RESET_STACK
	:: pc = RETURNS
	fi;
	if
	:: base = SLOT
	:: base = OTHER
	fi
}

proctype thread()
{
	own_flags = true;
	own_stack = true;
	own_registers = true;

end:	do
	:: pc == DEAD -> break
	:: pc == USER && serves ->
		assert(!HOSTILE);		/* the next mm's first instruction */
		break
	:: pc == USER && !serves ->
		atomic {
			if
			:: !mapped -> die()
			:: mapped ->
				if
				:: writable -> if :: resume = 0 :: resume = 1 :: resume = 2 :: resume = RESET fi
				:: anywhere()
				fi
			fi
		}
	/* posted: event = 1, resume = 0 */
	:: pc == POSTS ->
		atomic {
			if
			:: base == SLOT -> stub_writes_resume(0); if :: pc != DEAD -> pc = WAITS :: else fi
			:: base == OTHER -> die()
			fi
		}
	/* wait_resume */
	:: pc == WAITS ->
		atomic {
			if
			:: base == OTHER -> die()		/* the compare and exchange faults, in time */
			:: base == SLOT && resume == 1 -> pc = USER
			:: base == SLOT && resume != 1 ->
				if
				:: resume == 0 -> stub_writes_resume(2)
				:: resume != 0 -> stub_writes_resume(resume)	/* lock cmpxchg writes always */
				fi;
				if
				:: pc != DEAD -> pc = SLEEPS
				:: else
				fi
			fi
		}
	/* The one futex wait: on a slot's word, for any value */
	:: pc == SLEEPS ->
		atomic {
			if
			:: pc = ASLEEP; woken = false
			:: pc = AFTER			/* another value */
			fi
		}
	:: pc == ASLEEP && woken -> pc = AFTER
	:: pc == AFTER ->
		atomic {
			if
			:: base == OTHER -> die()	/* cleared: it wants to write */
			:: base == SLOT && resume == 2 -> pc = SLEEPS
			:: base == SLOT && resume == RESET -> pc = RESET_FLAGS
			:: base == SLOT && resume == 1 -> pc = USER
			:: base == SLOT && resume == 0 -> stub_writes_resume(2); if :: pc != DEAD -> pc = SLEEPS :: else fi
			fi
		}
	:: pc == RESET_FLAGS ->
		atomic {
			if
			:: base == SLOT -> own_flags = (frame == OLD); pc = RESET_STACK
			:: base == OTHER -> own_flags = true; pc = RESET_STACK
			fi
		}
	:: pc == RESET_STACK ->
		atomic {
			if
			:: base == SLOT && frame == CLEAN -> own_stack = false; pc = RETURNS
			:: base == SLOT && frame == OLD -> own_stack = true; pc = RETURNS
			:: else -> die()		/* no stack there: hlt */
			fi
		}
	:: pc == RETURNS ->
		atomic {
			if
			:: base == SLOT && frame == CLEAN -> own_registers = false; pc = SLEEPS
			:: base == SLOT && frame == OLD -> anywhere()
			:: else -> die()		/* zeros: it goes to address 0 */
			fi
		}
	od
}

/* futex_wake() == 1: only this thread has the slot */
inline wake(found)
{
	atomic {
		found = (pc == ASLEEP && base == SLOT && !woken);
		if
		:: found -> woken = true
		:: else
		fi
	}
}

proctype kernel()
{
	bool found;

	/* r3_space_retire(): PROTECT and UNMAP, acknowledged */
	if
	:: resume == 2 -> skip
	:: resume != 2 -> goto out	/* it has not even said that it sleeps */
	fi;
#ifndef SLOT_WRITABLE
	writable = false;
#endif
#ifndef KEEP_MEMORY
	mapped = false;
#endif
	/* write_reset() */
#ifndef NO_RESET
	resume = RESET;
	frame = ZERO;
	frame = CLEAN;
#endif
	/* r3_space_park() */
	wake(found);
#ifndef NO_FIRST
	if
	:: !found -> goto out
	:: else
	fi;
#endif
	kept = true;
	/* r3_space_used(), when somebody wants one: any time later */
#ifndef NO_SECOND
	do
	:: wake(found);
		if
		:: found -> break
		:: !found -> skip
		:: !found -> goto out
		fi
	od;
#endif
	assert(ended || !mapped);	/* nothing of the old mm is left */
	/* Only now the slot may be written, and the next mm's memory be mapped. */
	writable = true;
	serves = true;
	mapped = true;
	assert(ended || !HOSTILE);
	/* The next mm's vCPU; what the thread still does on its way leads there. */
	resume = 1;
	woken = true;
out:	skip
}

init {
	atomic { run thread(); run kernel() }
}
