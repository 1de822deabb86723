package entity_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// rule is a condition as the oracle has it.
type rule struct {
	op     string // "below", "above", "between", "mode", "low", "all", "any", "not"
	id     string // of a comparison
	field  string // of a number: "level" or "count"
	lo, hi int64  // of a number
	value  string // of mode
	kids   []*rule
	hold   int64 // microseconds
	rearm  *int64

	// What is known of it while the oracle walks through time.
	since int64
	raw   bool
	on    bool
}

func (r *rule) condition() entity.Condition {
	path := entity.Path("gauge", r.id, r.field)
	var kids []entity.Condition
	for _, kid := range r.kids {
		kids = append(kids, kid.condition())
	}
	var c entity.Condition
	switch r.op {
	case "below":
		c = entity.Below(path, float64(r.hi))
	case "above":
		c = entity.Above(path, float64(r.lo))
	case "between":
		c = entity.Between(path, float64(r.lo), float64(r.hi))
	case "mode":
		c = entity.Is(entity.Path("gauge", r.id, "mode"), r.value)
	case "low":
		c = entity.Is(entity.Path("gauge", r.id, "low"), true)
	case "all":
		c = entity.All(kids...)
	case "any":
		c = entity.Any(kids...)
	case "not":
		c = entity.Not(kids[0])
	}
	if r.rearm != nil {
		c = c.Rearm(float64(*r.rearm))
	}
	if r.hold > 0 {
		c = c.For(time.Duration(r.hold) * time.Microsecond)
	}
	return c
}

// randomRule makes a condition of at most some levels over the gauges a, b and c. flips says whether it may be about what
// flips by time alone.
func randomRule(rng *rand.Rand, deep int, flips bool) *rule {
	r := &rule{op: "below", id: string(rune('a' + rng.IntN(3))), field: "level"}
	switch n := rng.IntN(10); {
	case deep > 1 && n < 5:
		r.op = []string{"all", "any", "not"}[rng.IntN(3)]
		for range map[string]int{"all": 2, "any": 2, "not": 1}[r.op] {
			r.kids = append(r.kids, randomRule(rng, deep-1, flips))
		}
	case n == 6:
		r.op, r.value = "mode", []string{"on", "off"}[rng.IntN(2)]
	case n == 7 && flips:
		r.op = "low"
	default:
		r.number(rng)
	}
	if rng.IntN(3) == 0 {
		r.hold = 1 + rng.Int64N(20e6)
	}
	return r
}

func (r *rule) number(rng *rand.Rand) {
	span := int64(60)
	if rng.IntN(3) == 0 {
		r.field, span = "count", 4
	}
	r.lo = rng.Int64N(span)
	r.hi = r.lo + 1 + rng.Int64N(span)
	r.op = []string{"below", "above", "between"}[rng.IntN(3)]
	beyond := rng.Int64N(span)
	switch {
	case rng.IntN(2) == 0:
	case r.op == "below":
		beyond += r.hi
		r.rearm = &beyond
	case r.op == "above":
		beyond = r.lo - beyond
		r.rearm = &beyond
	}
}

// gaugeMoment is an instant, and how the gauges are then. Several writes of one instant are several moments.
type gaugeMoment struct {
	at    int64
	spans map[string]gaugeSpan
}

// compare says how a number is to a bound; false where there is none.
func (r *rule) compare(m gaugeMoment, bound int64) (int, bool) {
	s, ok := m.spans[r.id]
	if !ok || s.gone {
		return 0, false
	}
	value := s.levelAt(m.at)
	if r.field == "count" {
		value = int64(s.count) * 1e6
	}
	return int(min(1, max(-1, value-bound*1e6))), true
}

// holds says what a rule says at a moment, without For and Rearm. It is asked at each moment, in order.
func (r *rule) holds(m gaugeMoment) bool {
	lo, ok := r.compare(m, r.lo)
	hi, _ := r.compare(m, r.hi)
	s := m.spans[r.id]
	switch r.op {
	case "below":
		return ok && hi < 0
	case "above":
		return ok && lo > 0
	case "between":
		return ok && lo > 0 && hi < 0
	case "mode":
		return ok && s.mode == r.value
	case "low":
		return ok && s.levelAt(m.at) < 20e6
	}
	var says []bool
	for _, kid := range r.kids {
		says = append(says, kid.look(m))
	}
	switch r.op {
	case "all":
		return !slices.Contains(says, false)
	case "any":
		return slices.Contains(says, true)
	}
	return !says[0]
}

// look says what a rule says at a moment.
func (r *rule) look(m gaugeMoment) bool {
	before := r.raw
	r.raw = r.holds(m)
	if r.raw && !before {
		r.since = m.at
	}
	held := r.raw && m.at >= r.since+r.hold
	if r.rearm != nil && r.on && !r.raw {
		far, ok := r.compare(m, *r.rearm)
		r.on = ok && (r.op == "below" && far < 0 || r.op == "above" && far > 0)
	} else if r.rearm == nil || !r.on {
		r.on = held
	}
	return r.on
}

func (r *rule) each(f func(*rule)) {
	f(r)
	for _, kid := range r.kids {
		kid.each(f)
	}
}

// gaugeWrite is one write, and how its gauge is from then on.
type gaugeWrite struct {
	id   string
	span gaugeSpan
}

// edges are the instants at which a rule becomes true from false, of those from begin to end: it is asked at each instant
// at which anything could change, a microsecond before and one after.
func (r *rule) edges(writes []gaugeWrite, begin, end int64, ifTrue bool) []time.Time {
	r.each(func(r *rule) { r.raw, r.on = false, false })
	var fired []time.Time
	was := !ifTrue
	spans := map[string]gaugeSpan{}
	next := 0
	look := func(at int64) {
		on := r.look(gaugeMoment{at, spans})
		if on && !was {
			fired = append(fired, time.UnixMicro(at).UTC())
		}
		was = on
	}
	first := true
	for _, at := range r.instants(writes, begin, end) {
		for next < len(writes) && (writes[next].span.at < at || first && writes[next].span.at == at) {
			spans[writes[next].id] = writes[next].span // made before the watch began
			next++
		}
		if look(at); first {
			first, was = false, was || !ifTrue
		}
		for ; next < len(writes) && writes[next].span.at == at; next++ {
			spans[writes[next].id] = writes[next].span
			look(at)
		}
	}
	return fired
}

// instants are those at which a rule could begin to say something else.
func (r *rule) instants(writes []gaugeWrite, begin, end int64) []int64 {
	instants := map[int64]bool{begin: true}
	var holds []int64
	bounds := map[int64]bool{20: true}
	r.each(func(r *rule) {
		bounds[r.lo], bounds[r.hi] = true, true
		if r.rearm != nil {
			bounds[*r.rearm] = true
		}
		if r.hold > 0 {
			holds = append(holds, r.hold)
		}
	})
	for _, w := range writes {
		instants[w.span.at] = true
		for bound := range bounds {
			if w.span.slope != 0 {
				instants[w.span.at+(bound*1e6-w.span.level)/w.span.slope] = true
			}
		}
	}
	for _, hold := range holds { // also after another one
		for _, at := range sortedKeys(instants) {
			for near := int64(-2); near <= 2; near++ {
				instants[at+hold+near] = true
			}
		}
	}
	for _, at := range sortedKeys(instants) {
		for near := int64(-2); near <= 2; near++ {
			instants[at+near] = true
		}
	}
	return slices.DeleteFunc(sortedKeys(instants), func(at int64) bool { return at < begin || at > end })
}

func sortedKeys(set map[int64]bool) []int64 {
	var keys []int64
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (w gaugeWrite) String() string {
	return fmt.Sprintf("%s %s: gone %t, level %g, slope %d, mode %q, count %d", time.UnixMicro(w.span.at).UTC(), w.id,
		w.span.gone, float64(w.span.level)/1e6, w.span.slope, w.span.mode, w.span.count)
}
