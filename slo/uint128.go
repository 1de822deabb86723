package slo

import (
	"cmp"
	"math/bits"
)

// uint128 is an unsigned integer of 128 bits: a budget in 1e-8 ns, a product of a length and a target.
type uint128 struct{ hi, lo uint64 }

// uint192 is what two of them multiply to: no product of this package needs more than 162 bits.
type uint192 struct{ hi, mid, lo uint64 }

func u128(x uint64) uint128 { return uint128{lo: x} }

func mul64(a, b uint64) uint128 {
	hi, lo := bits.Mul64(a, b)
	return uint128{hi, lo}
}

func (a uint128) isZero() bool { return a.hi|a.lo == 0 }

func (a uint128) add(b uint128) uint128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return uint128{hi, lo}
}

func (a uint128) sub(b uint128) uint128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return uint128{hi, lo}
}

func (a uint128) cmp(b uint128) int {
	if a.hi != b.hi {
		return cmp.Compare(a.hi, b.hi)
	}
	return cmp.Compare(a.lo, b.lo)
}

// scale returns a x b, which must fit.
func (a uint128) scale(b uint64) uint128 {
	hi, lo := bits.Mul64(a.lo, b)
	return uint128{hi + a.hi*b, lo}
}

// quo returns the whole part of a / b, which must fit in 64 bits; b is not 0.
func (a uint128) quo(b uint64) uint64 {
	q, _ := bits.Div64(a.hi, a.lo, b)
	return q
}

// times returns a x b.
func (a uint128) times(b uint128) uint192 {
	hi, lo := bits.Mul64(a.lo, b.lo)
	p := uint192{mid: hi, lo: lo}
	p.addAbove(bits.Mul64(a.lo, b.hi))
	p.addAbove(bits.Mul64(a.hi, b.lo))
	p.hi += a.hi * b.hi
	return p
}

func (a *uint192) addAbove(hi, lo uint64) {
	var carry uint64
	a.mid, carry = bits.Add64(a.mid, lo, 0)
	a.hi += hi + carry
}

func (a uint192) cmp(b uint192) int {
	if a.hi != b.hi {
		return cmp.Compare(a.hi, b.hi)
	}
	if a.mid != b.mid {
		return cmp.Compare(a.mid, b.mid)
	}
	return cmp.Compare(a.lo, b.lo)
}

// float returns the nearest float, or one beside it.
func (a uint128) float() float64 { return float64(a.hi)*(1<<64) + float64(a.lo) }

// split returns two floats that add up to a, exactly while a is below 2^106.
func (a uint128) split() (high, low float64) {
	const mask = 1<<53 - 1
	top := float64(a.hi<<11|a.lo>>53) * (1 << 53)
	return twoSum(top, float64(a.lo&mask))
}

// twoSum returns a + b as the nearest float and what that leaves out. |a| >= |b|, or a is 0.
func twoSum(a, b float64) (sum, rest float64) {
	sum = a + b
	return sum, b - (sum - a)
}
