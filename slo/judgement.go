package slo

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

const hour = int64(time.Hour / time.Microsecond)

// Status returns how the objective stands at an instant: over [at - W, at) of a rolling window, over the period that
// holds at of a calendar one, by the terms in force at at. Any past instant may be asked, and an instant ahead, which is
// answered as if what is down stays down and nothing begins that is not known. at is truncated to microseconds; outside
// 1970 to 2200 it is read as the nearer of the two.
func (tl *Timeline) Status(at time.Time) Status {
	m := clamp(at)
	t := tl.termsAt(m)
	from, to := t.window.period(m)
	return tl.status(t, from, to, m)
}

// StatusIn returns how the objective stood at an instant in the period [from, to), whatever its window: the budget is
// that of the whole period, downtime counts up to at. The terms, Down, BurnRate and Firing are those of at. It is
// [ErrInvalid] where from is not before to, at is before from or outside 1970 to 2200, or the period is longer than 3650
// days or begins or ends more than 3650 days outside those years.
func (tl *Timeline) StatusIn(from, to, at time.Time) (Status, error) {
	if err := checkPeriod(from, to, at); err != nil {
		return Status{}, tl.blame(err)
	}
	return tl.status(tl.termsAt(micros(at)), micros(from), micros(to), micros(at)), nil
}

// blame completes an error about a question with the objective that was asked about.
func (tl *Timeline) blame(err error) error {
	if e, ok := errors.AsType[*fieldError](err); ok {
		e.what = "objective " + show(tl.objective.ID)
	}
	return err
}

// checkPeriod reads a period, which may begin and end as far outside 1970 to 2200 as the windows of a Status do, and the
// instant at which it is looked at.
func checkPeriod(from, to, at time.Time) error {
	if err := checkInstant("", "at", at); err != nil {
		return err
	}
	const bounds = "within 3650 days of the years 1970 to 2200"
	if !within(from, dawn, maxInstant+maxMicros) {
		return invalid("", "from", rfc3339(from), bounds)
	}
	if !within(to, dawn, maxInstant+maxMicros) {
		return invalid("", "to", rfc3339(to), bounds)
	}
	if micros(at) < micros(from) {
		return invalid("", "at", rfc3339(at), "not before from, "+rfc3339(from))
	}
	if n := micros(to) - micros(from); n <= 0 || n > maxMicros {
		return invalid("", "to", rfc3339(to), "after from, "+rfc3339(from)+", by at most 3650 days")
	}
	return nil
}

// BurnRate returns how fast the budget was spent over [at - lookback, at): 1 spends exactly the budget in a window, 0
// stands where the budget is zero. lookback is more than 0, whole microseconds and at most 3650 days, else ErrInvalid; at
// is read as by Status.
func (tl *Timeline) BurnRate(at time.Time, lookback time.Duration) (float64, error) {
	if err := checkLength("", "lookback", lookback); err != nil {
		return 0, tl.blame(err)
	}
	m := clamp(at)
	c := tl.cursor(m)
	return burnRate(c.countedSince(m-lookback.Microseconds(), tl.termsAt(m).since), tl.budget(m-lookback.Microseconds(), m)), nil
}

// termsAt returns the terms in force at m.
func (tl *Timeline) termsAt(m int64) *terms {
	for i := range tl.terms {
		if m < tl.terms[i].until {
			return &tl.terms[i]
		}
	}
	panic("slo: the last terms hold for ever")
}

// budget returns what the targets in force in [from, to) allow, in 1e-8 ns.
func (tl *Timeline) budget(from, to int64) uint128 {
	var sum uint128
	for i := range tl.terms {
		until := min(tl.terms[i].until, to)
		if until > from {
			sum = sum.add(mul64(uint64(until-from)*whole, uint64(tl.terms[i].bad)))
			from = until
		}
	}
	return sum
}

func (tl *Timeline) status(t *terms, from, to, at int64) Status {
	elapsed := min(to, at) - from
	s := Status{
		ObjectiveID: tl.objective.ID, SystemID: tl.objective.SystemID, Name: tl.objective.Name,
		Target: t.target, At: instant(at), From: instant(from), To: instant(to),
	}
	total := tl.budget(from, to)
	var consumed, strict int64
	s.Attribution, consumed, strict = tl.attribution(max(from, t.since), min(to, at))
	s.Budget = newBudget(total, consumed, strict)
	s.Availability, s.StrictAvailability = availability(elapsed, consumed), availability(elapsed, strict)
	spent := mul64(uint64(consumed), wholeBudget)
	s.Breaching = spent.cmp(total) > 0
	s.Exhausted = consumed > 0 && spent.cmp(total) >= 0

	now := tl.cursor(at)
	s.Down = at >= t.since && now.weight() > 0
	lastHour, hourly := now.countedSince(at-hour, t.since), tl.budget(at-hour, at)
	s.BurnRate = burnRate(lastHour, hourly)
	s.Level = t.level(spent, total, lastHour, hourly)
	s.Firing = tl.firing(t, &now)
	s.Coverage = tl.coverage(from, elapsed)
	return s
}

func newBudget(total uint128, consumed, strict int64) Budget {
	allowed := int64(total.quo(wholeBudget))
	b := Budget{
		Total: time.Duration(allowed), Consumed: time.Duration(consumed), ConsumedStrict: time.Duration(strict),
		Remaining: time.Duration(allowed - consumed), RemainingPercent: 100,
	}
	spent := mul64(uint64(consumed), wholeBudget)
	switch {
	case consumed == 0:
	case total.isZero():
		b.RemainingPercent, b.ConsumedPercent = 0, 100
	default:
		b.ConsumedPercent = percent(spent, total)
		if spent.cmp(total) > 0 {
			b.RemainingPercent = -percent(spent.sub(total), total)
		} else {
			b.RemainingPercent = percent(total.sub(spent), total)
		}
	}
	return b
}

// availability returns the share of so many microseconds that so many bad nanoseconds leave, in percent.
func availability(elapsed, bad int64) float64 {
	if elapsed <= 0 || bad == 0 {
		return 100
	}
	all := uint64(elapsed) * whole
	return percent(u128(all-uint64(bad)), u128(all))
}

func burnRate(bad int64, budget uint128) float64 {
	if bad == 0 || budget.isZero() {
		return 0
	}
	return quotient(mul64(uint64(bad), wholeBudget), budget)
}

// level compares what is spent, in 1e-8 ns, and what the last hour spent with the thresholds.
func (t *terms) level(spent, total uint128, lastHour int64, hourly uint128) Level {
	consumed := func(threshold uint64) bool {
		return !spent.isZero() && spent.times(u128(100*perUnit)).cmp(total.times(u128(threshold))) >= 0
	}
	fast := !hourly.isZero() && mul64(uint64(lastHour), wholeBudget).times(u128(perUnit)).cmp(hourly.times(u128(t.fastBurn))) >= 0
	switch {
	case fast || consumed(t.critical):
		return LevelCritical
	case consumed(t.warning):
		return LevelWarning
	}
	return LevelOK
}

// firing returns the rules that fire at the cursor's instant.
func (tl *Timeline) firing(t *terms, c *cursor) []Firing {
	var list []Firing
	for i := range t.rules {
		r := &t.rules[i]
		if !tl.burns(t, r, c, r.short) || !tl.burns(t, r, c, r.long) {
			continue
		}
		if list == nil {
			list = make([]Firing, 0, len(t.rules)-i)
		}
		list = append(list, Firing{r.severity, length(r.long), length(r.short)})
	}
	return list
}

// burns reports whether something bad lies in the lookback and burns the budget at the rule's factor or faster.
func (tl *Timeline) burns(t *terms, r *rule, c *cursor, lookback int64) bool {
	bad := c.countedSince(c.at-lookback, t.since)
	return bad > 0 && r.reached(bad, tl.budget(c.at-lookback, c.at))
}

func (r *rule) reached(bad int64, budget uint128) bool {
	return mul64(uint64(bad), wholeBudget).times(r.den).cmp(budget.times(r.num)) >= 0
}

// attribution returns the downtime in [from, to) by cause, with what counts and all of it.
func (tl *Timeline) attribution(from, to int64) (shares []Share, counted, total int64) {
	if to <= from {
		return nil, 0, 0
	}
	var space [128]int64
	sum := space[:]
	if width := tl.sealed.width; width <= len(space) {
		sum = sum[:width]
	} else {
		sum = make([]int64, width)
	}
	end, start := tl.track(to), tl.track(from)
	end.sums(end.last(to), to, 1, sum)
	start.sums(start.last(from), from, -1, sum)
	if sum[sumTotal] == 0 {
		return nil, 0, 0
	}
	return tl.shares(sum), sum[sumCounted], sum[sumTotal]
}

func (tl *Timeline) shares(sum []int64) []Share {
	n := 0
	for _, v := range sum[sumCauses:] {
		if v != 0 {
			n++
		}
	}
	shares := make([]Share, 0, n+1)
	if own := sum[sumSelf]; own != 0 {
		shares = append(shares, Share{Cause: CauseSelf, Duration: time.Duration(own)})
	}
	first := len(shares)
	for i, v := range sum[sumCauses:] {
		if v != 0 {
			c := &tl.causes[i+1]
			shares = append(shares, Share{CauseUpstream, c.id, c.name, time.Duration(v)})
		}
	}
	if len(shares)-first > 1 {
		slices.SortFunc(shares[first:], func(a, b Share) int {
			return cmp.Or(cmp.Compare(b.Duration, a.Duration), strings.Compare(a.UpstreamID, b.UpstreamID))
		})
	}
	return shares
}

// coverage returns the share of so many microseconds from an instant on in which somebody said how it was.
func (tl *Timeline) coverage(from, elapsed int64) float64 {
	if elapsed <= 0 {
		return 1
	}
	unseen := tl.unseen(from+elapsed) - tl.unseen(from)
	if unseen == 0 {
		return 1
	}
	return math.Max(0, quotient(u128(uint64(elapsed-unseen)), u128(uint64(elapsed))))
}

// unseen returns how long nobody said how it was in [.., at).
func (tl *Timeline) unseen(at int64) int64 {
	gaps := tl.tail.gaps
	if len(gaps) == 0 || gaps[0].start >= at {
		gaps = tl.sealed.gaps
	}
	i, _ := slices.BinarySearchFunc(gaps, at, func(g gap, at int64) int { return cmp.Compare(g.start, at) })
	if i == 0 {
		return 0
	}
	g := &gaps[i-1]
	return g.before + min(g.end, at) - g.start
}
