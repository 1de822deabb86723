package slo

import (
	"cmp"
	"math"
	"slices"
)

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
