// SPDX-License-Identifier: GPL-2.0-only
/*
 * One address space on two vCPUs: command ring, acknowledgements, and who may
 * have which page when. See README.md for what stands for what.
 *
 * Mistakes, each of which the checker has to find:
 *   RELEASE_AT_QUEUE   a copy of code is freed when the MAP that replaces it is queued
 *   RELEASE_ON_FAILURE a copy is freed although the host refused what replaces it
 *   RELEASE_OLD_ACK    a copy is freed by the acknowledgement that makes room for the MAP
 *   NO_ACK             a flush rings the manager and does not wait
 *   NO_STALE           a flush that finds the entry mapped anew does not wait
 *   NO_ROOM            no places are kept for an acknowledgement
 *   FLUSH_FIRST        the page table entry is cleared after the flush
 *   NO_COMPARE         the manager sleeps without comparing head
 */
#define RING	4		/* R3_CMD_RING, no power of two in the kernel: here positions are counted as well */
#define HEADS	8		/* head wraps */
#define NONE	255

#define DATA	0		/* two addresses: data, and code that has call sites */
#define CODE	1

#define ORIGINAL 4		/* pages 0, 1: data; 2, 3: copies of code; 4: the page cache's */
#define PAGES	4

mtype = { MAP, UNMAP, UNMAP_ALL, ACK };
mtype = { FREE, OURS, OTHERS };		/* who has a page */

/* ---- guest RAM ---- */
mtype owner[PAGES] = FREE;

/* ---- the page tables: written without the space's lock ---- */
byte pte = NONE;		/* of DATA */
bool pte_mapped;		/* R3_MAPPED */
bool stale;			/* mm->context.stale */
bool code_present = true;	/* of CODE: maps ORIGINAL if present */
bool code_mapped;

/* ---- the snapshot of rewritten pages: CODE's copy, or none ---- */
byte copy = NONE;
byte old = NONE;		/* of the last snapshot, to be released */
bool old_queued;		/* the command that takes it away has been queued */

bool rewriting;			/* rewrite_mutex */

/* ---- struct r3_space, under its lock ---- */
bool locked;
byte head, rung, acked, pos;
bool failed;

/* ---- the command page ---- */
mtype cmd_op[RING];
byte cmd_addr[RING], cmd_page[RING];
byte published;			/* cmd_page.head */

/* ---- the host ---- */
byte host[2] = NONE;		/* what the space has mapped: all that a guest thread can reach */
byte done, at;			/* r13, r14: the manager's */
bool manager_failed;		/* ebp */
bool manager_sleeps;		/* in the futex on published */
byte refusals = 2;		/* the host may refuse so many commands */
bool acks[2], acks_failed[2];	/* an eventfd for each vCPU */

#define MINUS(a, b)	((a + HEADS - b) % HEADS)

inline lock()	{ atomic { !locked -> locked = true } }
inline unlock()	{ locked = false }

inline free_page_(p)
{
	assert(owner[p] == OURS);
	owner[p] = FREE
}

/* A page of this mm's own: p is NONE if there is none. */
inline get_page_(p, from)
{
	atomic {
		if
		:: owner[from] == FREE -> p = from
		:: else ->
			if
			:: owner[from + 1] == FREE -> p = from + 1
			:: else -> p = NONE
			fi
		fi;
		if
		:: p != NONE -> owner[p] = OURS
		:: else
		fi
	}
}

/* r3_space_ring() */
inline ring()
{
	d_step {
		if
		:: head != rung ->
			rung = head;
			published = head;
			manager_sleeps = false	/* futex wake */
		:: else
		fi
	}
}

/* put_cmd(): atomic, as nobody else looks before head is published */
inline put_cmd(o, a, p)
{
	d_step {
		assert(MINUS(head, done) < RING);	/* C3: the ring never overflows */
		cmd_op[pos] = o;
		cmd_addr[pos] = a;
		cmd_page[pos] = p;
		head = (head + 1) % HEADS;
		pos = (pos + 1) % RING
	}
}

#ifdef RELEASE_ON_FAILURE
#define ON_FAILURE	true
#else
#define ON_FAILURE	false
#endif

/* What was queued before an acknowledgement is done: what it replaced is out of reach. */
inline release()
{
	if
	:: old != NONE && old_queued && (!failed || ON_FAILURE) ->
		free_page_(old);
		old = NONE;
		old_queued = false
	:: else
	fi
}

/* wait_done(): ACK, ring, read the eventfd */
inline wait_done(me)
{
	put_cmd(ACK, me, NONE);
	ring();
	atomic {
		acks[me];
		acks[me] = false;
		failed = failed || acks_failed[me];
		acks_failed[me] = false
	}
	d_step {
		acked = head;
		release()
	}
}

#ifdef NO_ROOM
#define ROOM	(RING + 1)
#else
#define ROOM	(RING - 2)
#endif

/* r3_space_cmd() */
inline cmd(o, a, p, me)
{
	if
	:: MINUS(head, acked) >= ROOM -> wait_done(me)
	:: else
	fi;
	put_cmd(o, a, p)
}

/* r3_space_sync() and drop_all() where it says -ENOMEM: one UNMAP of all splits nothing
 * and is not refused. */
inline sync(me)
{
	wait_done(me);
	if
	:: failed ->
		failed = false;
		pte_mapped = false;
		code_mapped = false;
		cmd(UNMAP_ALL, 0, NONE, me);
		wait_done(me)
	:: else
	fi
}

/* A fault at DATA: a page, its entry, r3_map_around(). */
inline fault_data(me)
{
	if
	:: pte == NONE ->
		get_page_(page, 0);
		if
		:: page != NONE ->
			atomic {
				if
				:: pte == NONE -> pte = page; pte_mapped = false
				:: else -> free_page_(page)
				fi
			}
		:: else
		fi
	:: else
	fi;
	lock();
	/* touch_and_mark() compares and exchanges the whole entry. */
	page = NONE;
	d_step {
		if
		:: pte != NONE -> page = pte; pte_mapped = true
		:: else
		fi
	}
	if
	:: page != NONE -> cmd(MAP, DATA, page, me)
	:: else
	fi;
	unlock();
	/* Back to user code: WAKE is queued behind it. */
	lock();
	ring();
	unlock()
}

/* munmap, reclaim, copy on write: clear the entry, r3_space_flush(), free. */
#ifndef FLUSH_FIRST
inline zap_data(me)
{
	d_step {
		page = pte;
		if
		:: pte != NONE -> pte = NONE; stale = stale || pte_mapped; pte_mapped = false
		:: else
		fi
	}
	if
	:: page != NONE ->
		lock();
		d_step { met = stale; stale = false }	/* take_stale() */
		if
		:: pte != NONE && pte_mapped ->
			/* Mapped anew meanwhile: nothing to unmap, but the old page is there
			 * until what is queued is done. */
			if
#ifdef NO_STALE
			:: skip
#else
			:: met && (head != acked || failed) -> sync(me)
			:: else
#endif
			fi
		:: else ->
			if
			:: met ->
				cmd(UNMAP, DATA, NONE, me);
#ifdef NO_ACK
				ring()
#else
				sync(me)
#endif
			:: else
			fi
		fi;
		unlock();
		free_page_(page)
	:: else
	fi
}
#else
inline zap_data(me)
{
	lock();
	if
	:: pte != NONE && pte_mapped ->
		pte_mapped = false;
		cmd(UNMAP, DATA, NONE, me);
		sync(me)
	:: else
	fi;
	unlock();
	d_step {
		page = pte;
		pte = NONE;
		pte_mapped = false
	}
	if
	:: page != NONE -> free_page_(page)
	:: else
	fi
}
#endif

/* A fault at CODE: what r3_rewrite_pfn() says. */
inline fault_code(me)
{
	lock();
	if
	:: code_present ->
		code_mapped = true;
		cmd(MAP, CODE, (copy == NONE -> ORIGINAL : copy), me);
		ring()
	:: else
	fi;
	unlock()
}

/* One more site: a new copy, the snapshot with it, r3_remap_code(). The call that was the
 * reason goes on and may sleep: nobody rings. */
inline new_site(me)
{
	if
	:: atomic { !rewriting -> rewriting = true }
		if
		:: old == NONE -> get_page_(page, 2)
		:: else -> page = NONE		/* one at a time, here */
		fi;
		if
		:: page != NONE ->
			lock();
			old = copy;
			copy = page;
#ifdef RELEASE_OLD_ACK
			old_queued = (old != NONE);	/* make_room() may acknowledge before the MAP */
#endif
			/* Where nothing is mapped an UNMAP stands for the MAP. */
			if
			:: code_mapped -> cmd(MAP, CODE, copy, me)
			:: !code_mapped && old != NONE -> cmd(UNMAP, CODE, NONE, me)
			:: else
			fi;
			old_queued = (old != NONE);
#ifdef RELEASE_AT_QUEUE
			if
			:: old != NONE -> free_page_(old); old = NONE; old_queued = false
			:: else
			fi;
#endif
			unlock()
		:: else
		fi;
		rewriting = false
	:: rewriting
	fi
}

/* mprotect or munmap of the code, and back. */
inline zap_code(me)
{
	lock();
	code_present = !code_present;
	if
	:: !code_present && code_mapped ->
		code_mapped = false;
		cmd(UNMAP, CODE, NONE, me);
		sync(me)
	:: else
	fi;
	unlock()
}

#ifndef STEPS
#define STEPS 4
#endif
byte steps = STEPS;


/* Any system calls and faults of two threads of one process. */
proctype vcpu(byte me)
{
	byte page = NONE;
	bool met;
end:	do
	:: atomic { steps > 0 -> steps--; page = NONE; met = false }
		if
		:: fault_data(me)
		:: zap_data(me)
		:: fault_code(me)
		:: new_site(me)
		:: zap_code(me)
		fi
	od
}

/* space/stub.S, r3_manager */
proctype manager()
{
	mtype op;
	byte addr, page;

	do
	:: published == done ->
		/* futex wait: compared with what it is to be, in one go */
#ifdef NO_COMPARE
		manager_sleeps = true;
#else
		atomic {
			if
			:: published == done -> manager_sleeps = true
			:: else
			fi
		}
#endif
end:		!manager_sleeps
	:: published != done ->
		d_step {
			op = cmd_op[at];
			addr = cmd_addr[at];
			page = cmd_page[at]
		}
		/* Its entry is read before it is counted as done. */
		d_step {
			done = (done + 1) % HEADS;
			at = (at + 1) % RING
		}
		if
		:: op == MAP ->
			if
			:: atomic {
				/* Whoever has the page now, it is mapped. */
				assert(page == ORIGINAL || owner[page] == OURS);
				host[addr] = page
			   }
			:: atomic { refusals > 0 -> refusals--; manager_failed = true }
			fi
		:: op == UNMAP ->
			if
			:: host[addr] = NONE
			:: atomic { refusals > 0 -> refusals--; manager_failed = true }
			fi
		:: op == UNMAP_ALL -> d_step { host[DATA] = NONE; host[CODE] = NONE }
		:: op == ACK ->
			d_step {
				assert(!acks[addr]);	/* C5: one is outstanding at most */
				acks_failed[addr] = manager_failed;
				acks[addr] = true;
				manager_failed = false
			}
		fi
	od
}

#define USES(a)	(host[a] != NONE && host[a] != ORIGINAL)

/* Threads of the guest process: whatever is mapped they read, write and execute, at any time. */
proctype guest_thread()
{
end:	do
	:: USES(DATA) && owner[host[DATA]] == OTHERS -> assert(false)	/* a page of others */
	:: USES(CODE) && owner[host[CODE]] == OTHERS -> assert(false)	/* executes it */
	od
}

/* All other processes of the guest: a free page becomes theirs. */
proctype others()
{
end:	do
	:: atomic { owner[0] == FREE && USES(DATA) && host[DATA] == 0 -> owner[0] = OTHERS }
	:: atomic { owner[1] == FREE && USES(DATA) && host[DATA] == 1 -> owner[1] = OTHERS }
	:: atomic { owner[2] == FREE && USES(CODE) && host[CODE] == 2 -> owner[2] = OTHERS }
	:: atomic { owner[3] == FREE && USES(CODE) && host[CODE] == 3 -> owner[3] = OTHERS }
	od
}

init {
	atomic {
		run manager();
		run guest_thread();
		run others();
		run vcpu(0);
		run vcpu(1)
	}
}
