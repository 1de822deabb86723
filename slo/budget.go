package slo

import "time"

// Budget is an error budget over one window: the downtime that the target allows, and what became of it. Lengths are
// exact; Total and Remaining are rounded down to the nanosecond here, and compared and divided unrounded.
type Budget struct {
	Total          time.Duration // (1 - target) x the whole window, each part by the target in force then
	Consumed       time.Duration // what counts: all downtime, or with SelfOnly the system's own
	ConsumedStrict time.Duration // all downtime, whatever caused it
	Remaining      time.Duration // Total - Consumed; negative: an overdraft

	// RemainingPercent and ConsumedPercent are of Total; remaining is negative in an overdraft. With a budget of zero they
	// are 100 and 0 while nothing is consumed, 0 and 100 after.
	RemainingPercent, ConsumedPercent float64
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
