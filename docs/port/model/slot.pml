// SPDX-License-Identifier: GPL-2.0-only
/*
 * One slot: how vCPU and guest thread wait for each other, and how user code is
 * stopped. See README.md for what stands for what.
 *
 * Every wait that may last for ever in a guest without errors has an end label; any other
 * blocked process is a lost wake-up or a lost kick, and the checker calls it an
 * invalid end state.
 *
 * Mistakes, each of which the checker has to find:
 *   SPLIT_POST         the thread posts event, and clears resume in a second step
 *   SPLIT_RESUME       the vCPU says resume, and clears event in a second step
 *   NO_COMPARE_THREAD  the thread's futex wait does not compare
 *   NO_COMPARE_VCPU    the vCPU's futex wait does not compare
 *   PLAIN_STORE_VCPU   the vCPU stores that it sleeps instead of comparing and exchanging
 *   PLAIN_STORE_THREAD the thread does
 *   NO_WAKE_THREAD     the vCPU does not wake a thread that sleeps
 *   NO_IRQ_CHECK       the vCPU sleeps although an interrupt is pending
 *   KICK_DROPPED       the handler ignores a kick anywhere in the stub's wait
 *   KICK_POSTS         the handler posts an event wherever the thread is
 *   WAKE_AHEAD         a direct wake overtakes what is queued
 *   STOP_ANEW          a kick that came in a trampoline is forgotten, as that thread is about to
 *                      stop by itself: hostile user code only says where it is
 */
mtype = { FAST, TRAP, KICK };		/* slot.sig; TRAP is any other signal */
mtype = { USER, TRAMP, POSTED, WAITS };	/* where the signal came */
mtype = { QUICK, SIGRETURN };		/* slot.mode */
mtype = { OP_MAP, OP_WAKE, OP_KICK };

/* ---- struct r3_slot ---- */
byte event;			/* 0 runs, 1 stopped, 2 runs and the vCPU sleeps */
byte resume;			/* 0 stay, 1 go on, 2 the thread sleeps */
mtype sig, mode, where;

/* ---- the host ---- */
bool thread_sleeps, vcpu_sleeps;	/* in a futex */
bool kick_pending;
bool in_handler;		/* signals are blocked */
bool mapped;			/* what was queued before WAKE is there */

/* ---- the kernel ---- */
bool irq;			/* r3_irq_pending */
bool work;			/* EXIT_TO_USER_MODE_WORK */
bool fast;			/* info->fast */
bool want_map;

chan cmds = [3] of { mtype };

#ifndef IRQS
#define IRQS 1
#endif

#define STOPPED	(event == 1)

#ifdef NO_COMPARE_VCPU
#define MAY_SLEEP	(!irq)
#elif defined(NO_IRQ_CHECK)
#define MAY_SLEEP	(event == 2)
#else
#define MAY_SLEEP	(event == 2 && !irq)
#endif

/* xchg of both words: event = 1, resume = 0; a vCPU that sleeps is woken */
inline post(s, w)
{
	sig = s;
	where = w;
#ifdef SPLIT_POST
	atomic { was = event; event = 1 }
	resume = 0;
#else
	atomic { was = event; event = 1; resume = 0 }
#endif
}

inline wake_vcpu()
{
	if
	:: was == 2 -> vcpu_sleeps = false
	:: else
	fi
}

proctype thread()
{
	byte was;
	mtype at = WAITS;

	/* A new thread waits, with all signals blocked, until it may go on. */
	in_handler = true;
	goto wait_resume;

user:	mapped = false;		/* the next fault wants another page */
	if
	:: goto trampoline			/* a rewritten call */
	:: post(TRAP, USER); in_handler = true; goto posted	/* system call by signal, or fault */
	:: atomic { kick_pending -> kick_pending = false }
		at = USER;
		goto kicked
	:: skip ->				/* computes until it is stopped */
end_computes:	atomic { kick_pending -> kick_pending = false }
		at = USER;
		goto kicked
	fi;

trampoline:				/* [TRAMP, POSTED) */
	if
	:: atomic { kick_pending -> kick_pending = false }
		at = TRAMP;
		goto kicked
	:: skip
	fi;
fast_posted:				/* up to the exchange */
	if
	:: atomic { kick_pending -> kick_pending = false }
		at = POSTED;
		goto kicked
	:: skip
	fi;
	post(FAST, POSTED);
posted:
	if
	:: atomic { kick_pending && !in_handler -> kick_pending = false }
		wake_vcpu();		/* the handler returns to it, in each case below */
		at = WAITS;
		goto kicked
	:: wake_vcpu()
	fi;

wait_resume:
	do
	:: resume == 1 -> break
	:: atomic { kick_pending && !in_handler -> kick_pending = false }
		at = WAITS;
		goto kicked
	:: resume != 1 ->
		/* lock cmpxchg resume: 0 to 2 */
#ifdef PLAIN_STORE_THREAD
		resume = 2;
#else
		atomic {
			if
			:: resume == 0 -> resume = 2
			:: else
			fi
		}
#endif
		if
		:: resume == 1 -> break
		:: else
		fi;
		/* FUTEX_WAIT: compared and put to sleep in one go */
#ifdef NO_COMPARE_THREAD
		thread_sleeps = true;
#else
		atomic {
			if
			:: resume == 2 -> thread_sleeps = true
			:: else
			fi
		}
#endif
		if
		:: !thread_sleeps
		:: atomic { thread_sleeps && kick_pending && !in_handler ->
				thread_sleeps = false; kick_pending = false }
			at = WAITS;
			goto kicked
		fi
	od;
	/* resumed: */
	assert(mapped);			/* C4 */
	assert(mode == (in_handler -> SIGRETURN : QUICK));	/* R3 */
	in_handler = false;
	if
	:: at == TRAMP -> at = WAITS; goto trampoline	/* where it was */
	:: goto user		/* and whatever it made of that */
	fi;

kicked:	/* r3_stub_signal; signals are blocked until it returns */
	in_handler = true;
#ifndef KICK_POSTS
	if
	:: at == POSTED -> in_handler = false; goto fast_posted
	:: at == WAITS ->
#ifdef KICK_DROPPED
		if
		:: in_handler = false; goto wait_resume
		fi
#else
		if
		:: resume != 1 -> in_handler = false; goto wait_resume
		:: resume == 1
		fi
#endif
	:: else
	fi;
#endif
	post(KICK, at);
	goto posted
}

/* run_user() and what follows it */
proctype vcpu()
{
	byte was;
	bool stopping, tramp, again;

	mode = SIGRETURN;
	do
	:: /* r3_frame_put() */
		mode = (fast -> QUICK : SIGRETURN);
		/* resume_guest(): a fault has queued a MAP, or another vCPU something */
		want_map = false;
		if
		:: want_map = true; cmds!OP_MAP
		:: mapped = true		/* nothing is missing */
		fi;
#ifdef WAKE_AHEAD
		if
		:: true ->
#else
		if
		:: !want_map ->
#endif
#ifdef SPLIT_RESUME
			atomic { was = resume; resume = 1 }
			event = 0;
#else
			atomic { was = resume; event = 0; resume = 1 }
#endif
#ifndef NO_WAKE_THREAD
			if
			:: was == 2 -> thread_sleeps = false
			:: else
			fi
#endif
#ifndef WAKE_AHEAD
		:: else ->
			event = 0;
			cmds!OP_WAKE
#endif
		fi;

		stopping = again;
		if
		:: again -> cmds!OP_KICK
		:: else
		fi;
		do
		:: STOPPED -> break
		:: !STOPPED ->
			if
			:: irq ->
				irq = false;
				if
				:: work && !stopping ->
					stopping = true;	/* told once: no kick may be lost */
					cmds!OP_KICK
				:: else
				fi
			:: else
			fi;
#ifdef PLAIN_STORE_VCPU
			event = 2;
#else
			atomic {
				if
				:: event == 0 -> event = 2
				:: else
				fi
			}
#endif
			if
			:: event != 2 -> skip
			:: event == 2 ->
				/* r3_host_wait_irq(): an interrupt ends or prevents it */
				atomic {
					if
					:: MAY_SLEEP -> vcpu_sleeps = true
					:: else
					fi
				}
				if
				:: stopping -> !vcpu_sleeps
				:: !stopping ->
end_user:				!vcpu_sleeps
				fi
			fi
		od;

		/* r3_frame_get(), r3_user_loop() */
		fast = (sig == FAST);
		tramp = (sig == KICK && where == TRAMP);
		if
		:: tramp ->		/* its call is next; if not, it has been told again */
#ifndef STOP_ANEW
			again = true
#else
			skip
#endif
		:: !tramp -> again = false; work = false
		fi
	od
}

/* space/stub.S, the manager */
proctype manager()
{
	byte was;
	mtype op;

end:	do
	:: cmds?op ->
		if
		:: op == OP_MAP -> mapped = true
		:: op == OP_WAKE ->
			atomic { was = resume; resume = 1 }
			if
			:: was == 2 -> thread_sleeps = false
			:: else
			fi
		:: op == OP_KICK -> kick_pending = true
		fi
	od
}

/* Timer, devices, other vCPUs: there is work to do before user code goes on. The signal
 * ends a wait that has begun; before that r3_irq_pending is looked at. */
proctype interrupts()
{
	byte n = IRQS;

	do
	:: n > 0 ->
		n--;
		work = true;
		irq = true;
#ifdef NO_IRQ_CHECK
		/* the signal came before the call: nothing to interrupt */
		if
		:: vcpu_sleeps = false
		:: skip
		fi
#else
		vcpu_sleeps = false
#endif
	:: n == 0 -> break
	od;
	!work			/* no end label: it is done some time, whatever user code does */
}

init {
	atomic {
		run thread();
		run vcpu();
		run manager();
		run interrupts()
	}
}
