// Package slo keeps service-level objectives: from what is known of systems' health it computes error budgets, burn rates,
// crossings, forecasts and backtests, exact to the nanosecond at any instant. It is pure: it reads no clock, starts no
// goroutine and keeps no state but the values that it returns. All that it ever opens is the time zone database, for
// calendar windows.
//
// What happened is recorded once, as facts: observations of a feed, statements of other sources, corrections by people.
// They are merged into the [SystemHistory] of a system. An [Objective] applied to a history is a [Timeline], which answers
// every question:
//
//	h, err := slo.NewSystemHistory("api", []slo.Observation{
//		slo.Up("api", monday),
//		slo.Down("api", tuesday),
//		slo.Up("api", tuesday.Add(10*time.Minute)),
//	}, nil, nil)
//	if err != nil {
//		return err
//	}
//	objective := slo.Objective{ID: "checkout", SystemID: "api", Target: 99.9, Window: slo.Days(30)}
//	tl, err := objective.Timeline(h, nil, nil)
//	if err != nil {
//		return err
//	}
//	status := tl.Status(friday)
//	fmt.Println(status.Budget.Remaining, status.Breaching) // 33m12s false
//
// # What holds
//
//  1. Facts merge by joins. The same facts in any order, repeated or late, make the same history, byte for byte.
//  2. An instant counts once, at the greatest impact that covers it. Downtime is never more than time.
//  3. All downtime has a cause: the system itself, or the upstream to blame. The causes add up to the downtime.
//  4. Budgets, downtime and comparisons are integers: a target is the number that its shortest decimal text says, so that
//     99.9 % of 30 days is 43 m 12 s to the nanosecond. A percentage is a float computed last, and never contradicts the
//     integers: it never equals a threshold of at most six decimals that the exact value is above or below.
//  5. Each instant is judged by the terms in force then. Raising a target today does not break last week.
//  6. Calendar periods partition time: each instant lies in exactly one, in every time zone.
//  7. Nothing is sampled. What moves with time is linear between edges, and solved: [Timeline.NextCrossing] answers the very
//     microsecond at which a figure crosses a threshold, [Timeline.NextChange] the one at which a status says something else.
//  8. Nothing is Inf or NaN, and no figure is clamped: an overdrawn budget has a negative remainder.
//
// # Blame
//
// Downtime is the system's own, unless an upstream is to blame: one that the system depends on ([Upstream]) and that is down
// itself at that instant, or one that a source names (UpstreamID of an observation or an outage, which needs no dependency).
// Which failed first, or was heard of first, makes no difference, and an upstream's own upstreams are not looked at.
//
// The feed seldom knows causes, so what it says is excused up to the impact of the greatest upstream. Another source that
// names nobody is excused only by upstreams that are down; one that names its cause explains itself. What is excused goes
// to one upstream: of all the one with the greatest impact, then a named one, then the one that has been down longest, then
// the smaller ID. [Objective.NeverExcuse] makes an upstream no excuse, and [SelfOnly] leaves what is excused out of the
// budget; who caused what is told either way.
//
// # Time and numbers
//
// Instants are truncated to microseconds where they enter, and come back in UTC; intervals are half-open, [start, end). An
// impact is in thousandths of the service. A whole number of microseconds times a whole number of thousandths is a whole
// number of nanoseconds, so that no sum is ever rounded.
//
// # Cost
//
// Merging and judging take linear time, adding observations at the end constant time, and questions logarithmic time in the
// length of the history; all of them grow with the number of upstreams and revisions, and judging with how many checks and
// named upstreams are down at one instant. A piece of downtime takes some forty bytes; [Timeline.Compact] makes what a cache
// keeps, and [Timeline.Size] says how much that is.
//
// # Concurrency and errors
//
// Facts and objectives are plain values. Histories and timelines do not change once made, and may be read by any number of
// goroutines; see [SystemHistory.Add] and [Timeline.Extend] for the two methods that build on shared memory.
//
// Bad input is refused with an error that names the field and the value and matches [ErrInvalid], or [ErrConflict] where
// one source contradicts itself; nothing has changed then.
//
// # What it does not do
//
// It does not measure: a monitor or a person tells it when systems go down. It counts time, not requests. It keeps nothing
// beyond the process: the host keeps the facts, and may keep the binary form of a history in a cache.
package slo
