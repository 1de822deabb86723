package slo

import "cmp"

// threshold decides a comparison from what was consumed and what that is held against: the budget in 1e-8 ns, or for
// availability the microseconds that have elapsed.
//
// For a given second number the comparison holds either from some consumption on or up to one; the former are the
// thresholds that are reached by consuming.
type threshold struct {
	metric     Metric
	comparison Comparison
	byMore     bool // it is consuming that makes it hold
	value      int64
	offset     int64 // MetricRemaining: nanoseconds
	rule       rule
}

func newThreshold(c *Crossing) threshold {
	th := threshold{metric: c.Metric, comparison: c.Comparison}
	above := c.Comparison == Above || c.Comparison == AtOrAbove
	switch c.Metric {
	case MetricConsumedPercent, MetricBurnRate:
		th.byMore = above
	default:
		th.byMore = !above
	}
	if c.Metric == MetricRemaining {
		const most = int64(maxMicros) * 2000 // no budget and no overdraft is as long
		th.offset = min(max(int64(c.Duration), -most), most)
	} else {
		th.value, _ = decimal(c.Value, perUnit)
	}
	return th
}

// firingThreshold is that of one window of a rule.
func firingThreshold(r *rule, fires bool) threshold {
	th := threshold{metric: MetricFiring, comparison: Below, rule: *r, byMore: fires}
	if fires {
		th.comparison = AtOrAbove
	}
	return th
}

// ofElapsed reports whether it holds what was consumed against the time that has elapsed.
func (th *threshold) ofElapsed() bool { return th.metric == MetricAvailability }

func (th *threshold) holds(consumed int64, against uint128) bool {
	return th.comparison.holds(th.order(consumed, against))
}

// order compares the metric with the threshold.
func (th *threshold) order(consumed int64, against uint128) int {
	c := uint64(consumed)
	switch th.metric {
	case MetricRemainingPercent:
		if consumed == 0 || against.isZero() {
			return cmp.Compare(percentOf(consumed, 100, 0), th.value)
		}
		return compareProducts(wholeBudget-th.value, against, u128(wholeBudget*wholeBudget), c)
	case MetricConsumedPercent:
		if consumed == 0 || against.isZero() {
			return cmp.Compare(percentOf(consumed, 0, 100), th.value)
		}
		return -compareProducts(th.value, against, u128(wholeBudget*wholeBudget), c)
	case MetricRemaining:
		used := consumed + th.offset
		if used < 0 {
			return 1
		}
		return against.cmp(mul64(uint64(used), wholeBudget))
	case MetricAvailability:
		if consumed == 0 || against.isZero() {
			return cmp.Compare(wholeBudget, th.value)
		}
		return compareProducts(wholeBudget-th.value, against.scale(whole), u128(wholeBudget), c)
	case MetricBurnRate:
		if consumed == 0 || against.isZero() {
			return cmp.Compare(0, th.value)
		}
		return -compareProducts(th.value, against, u128(wholeBudget*perUnit), c)
	}
	if consumed > 0 && th.rule.reached(consumed, against) {
		return 0
	}
	return -1
}

// percentOf returns the percentage, in millionths, where the budget is zero or nothing is consumed.
func percentOf(consumed, before, after int64) int64 {
	if consumed == 0 {
		return before * perUnit
	}
	return after * perUnit
}

// compareProducts compares a x b with c x d.
func compareProducts(a int64, b, c uint128, d uint64) int {
	if a < 0 {
		return -1
	}
	return b.times(u128(uint64(a))).cmp(c.times(u128(d)))
}

// limit returns the consumption from which on, or up to which, the threshold holds: none is more than can be consumed,
// or less than zero.
func (th *threshold) limit(against uint128, most int64) int64 {
	low, high := int64(0), most+1
	guess := int64(min(max(th.guess(against), 0), float64(most)))
	near := 2 + guess>>46 // a float is nearer
	if c := guess + near; c <= most && th.holds(c, against) == th.byMore {
		high = c
	}
	if c := guess - near; c >= 0 && th.holds(c, against) != th.byMore {
		low = c
	}
	for low < high {
		mid := low + (high-low)/2
		if th.holds(mid, against) == th.byMore {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if th.byMore {
		return low
	}
	return low - 1
}

// guess returns the limit as floats have it.
func (th *threshold) guess(against uint128) float64 {
	all, value := against.float(), float64(th.value)
	switch th.metric {
	case MetricRemainingPercent:
		return all / wholeBudget * (wholeBudget - value) / wholeBudget
	case MetricConsumedPercent:
		return all / wholeBudget * value / wholeBudget
	case MetricRemaining:
		return all/wholeBudget - float64(th.offset)
	case MetricAvailability:
		return all * whole * (wholeBudget - value) / wholeBudget
	case MetricBurnRate:
		return all / wholeBudget * value / perUnit
	}
	return all / wholeBudget * th.rule.num.float() / th.rule.den.float()
}
