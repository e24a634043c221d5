// SPDX-License-Identifier: GPL-2.0-only
/*
 * One vCPU waits for two spaces in turn by one eventfd, and either may die at any time. An
 * acknowledgement must not count for the space that is waited for next. See README.md.
 *
 * Mistakes, each of which the checker has to find:
 *   NO_DRAIN   what a dead space may have acknowledged is left in the eventfd
 *   NO_NOTICE  the monitor does not write to the eventfd when a space has ended
 *   READ_FIRST the state is looked at after a read only: the notice may have been read
 *              while the other space was waited for
 */
#define SPACES	2

bool asked[SPACES], done[SPACES];	/* an UNMAP with its ACK is queued; the UNMAP is done */
bool dead[SPACES];			/* state DEAD: reaped, it does nothing any more */
bool known[SPACES];			/* space->dead: the kernel has seen that, or had the interrupt */
bool alive[SPACES] = true;
bool ok, death;				/* the eventfd: R3_ACK_OK, R3_ACK_DEATH */

inline has_died(s)
{
#ifndef NO_DRAIN
	/* drain_acks(): make it readable, and read it */
	death = true;
	atomic { ok || death -> ok = false; death = false };
#endif
	known[s] = true
}

/* wait_ack() for space s */
inline wait_ack(s)
{
	do
#ifndef READ_FIRST
	:: dead[s] -> has_died(s); break
	:: else ->
#else
	::
#endif
		atomic { ok || death -> got = ok; ok = false; death = false };	/* read */
		if
		:: got ->
			assert(done[s]);	/* or a page is freed that is mapped still */
			break
		:: else
		fi;
#ifdef READ_FIRST
		if
		:: dead[s] -> has_died(s); break
		:: else
		fi
#endif
	od
}

proctype vcpu()
{
	bool got;
	byte rounds = 3;

end:	do
	:: rounds > 0 ->
		rounds--;
		if
		:: !known[0] -> done[0] = false; asked[0] = true; wait_ack(0)
		:: !known[1] -> done[1] = false; asked[1] = true; wait_ack(1)
		/* The monitor's interrupt, at last */
		:: atomic { dead[0] && !known[0] -> known[0] = true }
		:: atomic { dead[1] && !known[1] -> known[1] = true }
		:: known[0] && known[1]
		fi
	od
}

proctype manager(byte s)
{
end:	do
	:: atomic { alive[s] && asked[s] && !done[s] -> done[s] = true }
	:: atomic { alive[s] && asked[s] && done[s] -> asked[s] = false; ok = true }
	:: atomic { alive[s] -> alive[s] = false; break }	/* killed, anywhere */
	od
}

/* The reaper: first the state, then the notice. */
proctype monitor()
{
	byte others = 2;

end:	do
	:: atomic { !alive[0] && !dead[0] -> dead[0] = true }
#ifndef NO_NOTICE
		death = true
#endif
	:: atomic { !alive[1] && !dead[1] -> dead[1] = true }
#ifndef NO_NOTICE
		death = true
#endif
	/* and other spaces' */
	:: atomic { others > 0 -> others-- }
#ifndef NO_NOTICE
		death = true
#endif
	od
}

init {
	atomic { run vcpu(); run manager(0); run manager(1); run monitor() }
}
