package slo_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestDowntimesEqualTheOracles(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			if got, want := slices.Collect(tl.Downtimes(at)), o.downtimes(at); !slices.Equal(got, want) {
				return fmt.Errorf("downtimes at %s are\n%v, want\n%v", show(at), got, want)
			}
			for d := range tl.Downtimes(at) {
				_ = d
				break // whoever has seen enough may leave
			}
		}
		return nil
	})
}

// downtimes is what Timeline.Downtimes lists.
func (o *oracle) downtimes(at time.Time) []slo.Downtime {
	type cause struct {
		id     string
		weight func(judgement) int
	}
	causes := []cause{{"", func(j judgement) int { return j.self }}}
	var ids []string
	for _, j := range o.pieces {
		ids = append(ids, j.upstream)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id != "" {
			causes = append(causes, cause{id, func(j judgement) int {
				if j.upstream == id {
					return j.total - j.self
				}
				return 0
			}})
		}
	}
	var list []slo.Downtime
	for _, c := range causes {
		var last *slo.Downtime
		for i, edge := range o.times {
			from := max(edge, o.hidden(at))
			if n := c.weight(o.pieces[i]); n > 0 && from <= at.UnixMicro() {
				var end time.Time
				if i+1 < len(o.times) {
					if o.times[i+1] <= from {
						continue
					}
					end = time.UnixMicro(o.times[i+1]).UTC()
				}
				if last != nil && last.End.Equal(time.UnixMicro(from)) && last.Impact == float64(n)/1000 {
					last.End = end
					continue
				}
				d := slo.Downtime{Start: time.UnixMicro(from).UTC(), End: end, Impact: float64(n) / 1000}
				if c.id != "" {
					d.Cause, d.UpstreamID, d.UpstreamName = slo.CauseUpstream, c.id, o.nameOf(c.id)
				}
				list = append(list, d)
				last = &list[len(list)-1]
			}
		}
	}
	for i := range list {
		if list[i].End.After(at) {
			list[i].End = time.Time{}
		}
	}
	slices.SortStableFunc(list, func(a, b slo.Downtime) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.UpstreamID, b.UpstreamID))
	})
	return list
}

func TestExplanationsAddUpToTheStatus(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for range 10 {
			from, to, at := periodOf(rng, w)
			e, err := tl.Explain(from, to, at)
			if !from.Before(to) || at.Before(from) {
				if !errors.Is(err, slo.ErrInvalid) {
					return fmt.Errorf("explanation of [%s, %s) at %s: error %v, want ErrInvalid", show(from), show(to), show(at), err)
				}
				continue
			}
			if err != nil {
				return err
			}
			if err := o.checkExplanation(e, from, to, at); err != nil {
				return fmt.Errorf("explanation of [%s, %s) at %s: %w", show(from), show(to), show(at), err)
			}
		}
		for _, at := range moments(rng, w, 10) {
			s := tl.Status(at)
			e, err := tl.Explain(s.From, s.To, s.At)
			if err != nil {
				return err
			}
			if err := o.checkExplanation(e, s.From, s.To, s.At); err != nil {
				return fmt.Errorf("explanation of the status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func (o *oracle) checkExplanation(e slo.Explanation, from, to, at time.Time) error {
	if !e.From.Equal(from) || !e.To.Equal(to) || !e.At.Equal(at) {
		return fmt.Errorf("it is of [%s, %s) at %s", show(e.From), show(e.To), show(e.At))
	}
	want := o.statusIn(from, to, at)
	if err := o.checkBudgetParts(e.Budget, from, to, floor(want.total)); err != nil {
		return err
	}
	end := at
	if to.Before(at) {
		end = to
	}
	if err := o.checkUnobserved(e.Unobserved, from, end); err != nil {
		return err
	}

	var self, upstream, sum time.Duration
	by := map[string]time.Duration{}
	before := from
	for _, c := range e.Downtime {
		if c.Start.Before(before) || !c.Start.Before(c.End) || c.End.After(end) {
			return fmt.Errorf("piece %+v is out of place after %s", c, show(before))
		}
		before = c.End
		self, upstream, sum = self+c.Self, upstream+c.Upstream, sum+c.Counted
		by[c.UpstreamID] += c.Upstream
		if err := o.checkContribution(c); err != nil {
			return fmt.Errorf("piece %+v: %w", c, err)
		}
	}
	if int64(sum) != want.consumed.Int64() || int64(self+upstream) != want.strict.Int64() {
		return fmt.Errorf("pieces add up to %d of %d, want %v of %v", sum, self+upstream, want.consumed, want.strict)
	}
	for _, share := range want.attribution {
		if share.Cause == slo.CauseSelf && self != share.Duration || share.Cause == slo.CauseUpstream && by[share.UpstreamID] != share.Duration {
			return fmt.Errorf("pieces add up to %v of its own and %v, want %+v", self, by, share)
		}
	}
	return nil
}

func (o *oracle) checkBudgetParts(parts []slo.BudgetPart, from, to time.Time, whole time.Duration) error {
	var sum time.Duration
	before := from
	for _, p := range parts {
		if !p.From.Equal(before) || !p.From.Before(p.To) {
			return fmt.Errorf("budget part %+v is out of place after %s", p, show(before))
		}
		if got := o.termsAt(p.From).Target; got != p.Target {
			return fmt.Errorf("budget part %+v, want target %v", p, got)
		}
		if want := floor(o.budget(p.From, p.To)); p.Budget != want {
			return fmt.Errorf("budget part %+v, want %v", p, want)
		}
		sum, before = sum+p.Budget, p.To
	}
	if !before.Equal(to) || sum > whole || whole-sum > time.Duration(len(parts)) {
		return fmt.Errorf("budget parts reach to %s and add up to %v, want %s and %v", show(before), sum, show(to), whole)
	}
	return nil
}

func (o *oracle) checkUnobserved(gaps []slo.Span, from, end time.Time) error {
	sum := new(big.Int)
	before := from
	for _, g := range gaps {
		if g.Start.Before(before) || !g.Start.Before(g.End) || g.End.After(end) {
			return fmt.Errorf("gap %+v is out of place after %s", g, show(before))
		}
		before = g.End
		sum.Add(sum, big.NewInt(g.End.UnixMicro()-g.Start.UnixMicro()))
		seen := o.add(g.Start.UnixMicro(), g.End.UnixMicro(), func(j judgement) int {
			if j.observed {
				return 1
			}
			return 0
		})
		if seen.Sign() != 0 {
			return fmt.Errorf("gap %+v is in part observed", g)
		}
	}
	seen := o.add(from.UnixMicro(), end.UnixMicro(), func(j judgement) int {
		if j.observed {
			return 1
		}
		return 0
	})
	if whole := big.NewInt(max(end.UnixMicro()-from.UnixMicro(), 0)); sum.Add(sum, seen).Cmp(whole) != 0 {
		return fmt.Errorf("gaps %+v leave something out", gaps)
	}
	return nil
}

// checkContribution checks a piece against the judgements that it spans, and that its sources really said so.
func (o *oracle) checkContribution(c slo.Contribution) error {
	for i, edge := range o.times {
		from, until := max(edge, c.Start.UnixMicro()), c.End.UnixMicro()
		if i+1 < len(o.times) {
			until = min(until, o.times[i+1])
		}
		if from >= until {
			continue
		}
		j := o.pieces[i]
		length := c.End.UnixMicro() - c.Start.UnixMicro()
		if c.Impact != float64(j.total)/1000 || int64(c.Self) != length*int64(j.self) ||
			int64(c.Upstream) != length*int64(j.total-j.self) || int64(c.Counted) != length*int64(j.counted) {
			return fmt.Errorf("judged as %+v at %s", j, show(time.UnixMicro(from)))
		}
		if c.UpstreamID != j.upstream || c.UpstreamName != o.nameOf(c.UpstreamID) {
			return fmt.Errorf("of %q, want %q", c.UpstreamID, j.upstream)
		}
		if err := o.checkSources(c, from); err != nil {
			return fmt.Errorf("at %s: %w", show(time.UnixMicro(from)), err)
		}
	}
	if c.Self+c.Upstream == 0 {
		return errors.New("it adds nothing")
	}
	return nil
}

// checkSources checks that each source says at t that something counts, and that the greatest of it is the piece's impact.
func (o *oracle) checkSources(c slo.Contribution, t int64) error {
	terms := o.termsAt(time.UnixMicro(t))
	greatest := 0
	for i, s := range c.Sources {
		if slices.Contains(c.Sources[:i], s) {
			return fmt.Errorf("source %v is there twice", s)
		}
		said := 0
		for _, w := range o.saidBy(s, t) {
			said = max(said, counts(w, terms))
		}
		if said == 0 {
			return fmt.Errorf("source %v said nothing that counts", s)
		}
		greatest = max(greatest, said)
	}
	if float64(greatest)/1000 != c.Impact {
		return fmt.Errorf("sources said at most %d, want %v", greatest, c.Impact)
	}
	return nil
}

// saidBy returns what one source says of the system at t, as far as the objective looks at it.
func (o *oracle) saidBy(s slo.Source, t int64) []word {
	check := o.w.objective.CheckID
	one := func(w word, ok bool) []word {
		if ok {
			return []word{w}
		}
		return nil
	}
	_, whole := o.w.corrected("", t)
	switch s.Kind {
	case slo.SourceFeed:
		_, mended := o.w.corrected(s.ID, t)
		_, own := o.w.lastWord("", t)
		if mended || check != "" && s.ID != check || check == "" && (whole || own && s.ID != "") {
			return nil
		}
		return one(o.w.lastWord(s.ID, t))
	case slo.SourceStatement:
		f := o.w.facts
		f.statements = slices.DeleteFunc(slices.Clone(f.statements), func(st slo.Statement) bool { return st.Source != s.ID })
		return f.stated(check, t)
	case slo.SourceCorrection:
		i := slices.IndexFunc(o.w.corrections, func(c slo.Correction) bool { return c.ID == s.ID })
		if i < 0 {
			return nil
		}
		for _, c := range o.w.corrections {
			if c.ID == s.ID && c.Rev > o.w.corrections[i].Rev {
				i = slices.Index(o.w.corrections, c)
			}
		}
		c := o.w.corrections[i]
		_, own := o.w.lastWord("", t)
		if check != "" && c.CheckID != check || check == "" && c.CheckID != "" && (whole || own) {
			return nil
		}
		alone := facts{system: o.w.system, corrections: o.w.corrections[i : i+1]}
		best, ok := o.w.corrected(c.CheckID, t)
		mine, mineOK := alone.corrected(c.CheckID, t)
		return one(mine, ok && mineOK && mine == best)
	}
	return nil
}
