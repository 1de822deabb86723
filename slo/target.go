package slo

import "math"

const (
	perUnit     = 1_000_000   // percentages, burn rates and factors are compared in millionths
	wholeBudget = 100_000_000 // parts of the window that a target of 0 % leaves as budget: a part is 1e-8
	maxFactor   = 100_000_000 // the burn rate of a total outage at 99.999999 %
)

// badShare reads a target in percent and returns what it leaves as budget, in parts of 1e-8 of the window. The target is
// the number that its shortest decimal text says, so that 99.9 leaves exactly 100,000 parts.
func badShare(what string, target float64) (int64, error) {
	n, ok := decimal(target, perUnit)
	if !ok || n < 0 || n > wholeBudget {
		return 0, invalid(what, "target", target, "0 to 100, with at most six decimals")
	}
	return wholeBudget - n, nil
}

// percent returns 100 x n / d, n up to 2^85 and d not 0, as the nearest float; but never as the float of a number with
// at most six decimals that the exact value is above or below, so that comparing it with such a threshold gives the same
// answer as comparing the integers.
func percent(n, d uint128) float64 {
	return quotient(n.scale(100), d)
}

// quotient returns n / d as percent does; n is below 2^106.
func quotient(n, d uint128) float64 {
	nh, nl := n.split()
	dh, dl := d.split()
	q := nh / dh
	// One step of Newton's on exact remainders: what q left out, divided again.
	rest := math.FMA(-q, dh, nh) + nl - q*dl
	return onItsSide(q+rest/dh, n, d)
}

// onItsSide moves q off a threshold that n / d is not equal to.
func onItsSide(q float64, n, d uint128) float64 {
	near := math.Round(q * perUnit)
	if near >= 1<<53 {
		return q // floats are no denser than the thresholds here
	}
	threshold := near / perUnit
	side := n.times(u128(perUnit)).cmp(d.times(u128(uint64(near))))
	switch {
	case side == 0:
		return threshold
	case side > 0 && q <= threshold:
		return math.Nextafter(threshold, math.Inf(1))
	case side < 0 && q >= threshold:
		return math.Nextafter(threshold, math.Inf(-1))
	}
	return q
}
