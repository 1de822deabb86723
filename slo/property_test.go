package slo_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestStatusEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 1000, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 30) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusOfFewFactsEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 1000, worldOptions{facts: 5}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusOfManyFactsEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 40, worldOptions{facts: 250, instants: 250}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 60) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusInEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for range 20 {
			from, to, at := periodOf(rng, w)
			got, err := tl.StatusIn(from, to, at)
			if !from.Before(to) || at.Before(from) {
				if !errors.Is(err, slo.ErrInvalid) {
					return fmt.Errorf("status in [%s, %s) at %s: error %v, want ErrInvalid", show(from), show(to), show(at), err)
				}
				continue
			}
			if err != nil {
				return err
			}
			if err := compareStatus(got, o.statusIn(from, to, at)); err != nil {
				return fmt.Errorf("status in [%s, %s) at %s: %w", show(from), show(to), show(at), err)
			}
		}
		return nil
	})
}

// periodOf draws a period and an instant to ask at; some are in the wrong order.
func periodOf(rng *rand.Rand, w *world) (from, to, at time.Time) {
	drawn := moments(rng, w, 3)
	if chance(rng, 90) {
		slices.SortFunc(drawn, time.Time.Compare)
	}
	from, to, at = truncated(drawn[0]), truncated(drawn[1]), truncated(drawn[2])
	if chance(rng, 30) {
		to, at = at, to
	}
	return from, to, at
}

func TestBurnRatesEqualTheOracles(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			lookback := pick(rng, lengths)
			if chance(rng, 20) {
				lookback = time.Duration(1+rng.Int64N(int64(100*time.Hour/time.Microsecond))) * time.Microsecond
			}
			got, err := tl.BurnRate(at, lookback)
			if err != nil {
				return err
			}
			if err := compareFloat(got, o.burnRate(at, lookback)); err != nil {
				return fmt.Errorf("burn rate over %v at %s: %w", lookback, show(at), err)
			}
		}
		return nil
	})
}

// compareStatus compares every figure of a status with the oracle's.
func compareStatus(got slo.Status, want oracleStatus) error {
	var wrong []error
	differ := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			wrong = append(wrong, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	near := func(what string, got float64, want *big.Rat) {
		if err := compareFloat(got, want); err != nil {
			wrong = append(wrong, fmt.Errorf("%s is %w", what, err))
		}
	}
	differ("objective", got.ObjectiveID, "o")
	differ("name", got.Name, "an objective")
	differ("system", got.SystemID, ownSystem)
	differ("target", got.Target, want.target)
	differ("at", got.At, want.at)
	differ("from", got.From, want.from)
	differ("to", got.To, want.to)
	differ("budget", got.Budget.Total, floor(want.total))
	differ("consumed", int64(got.Budget.Consumed), want.consumed.Int64())
	differ("consumed strictly", int64(got.Budget.ConsumedStrict), want.strict.Int64())
	differ("remaining", got.Budget.Remaining, floor(want.remaining))
	near("remaining percent", got.Budget.RemainingPercent, want.remainingPercent)
	near("consumed percent", got.Budget.ConsumedPercent, want.consumedPercent)
	near("availability", got.Availability, want.availability)
	near("strict availability", got.StrictAvailability, want.strictAvailability)
	near("burn rate", got.BurnRate, want.burnRate)
	near("coverage", got.Coverage, want.coverage)
	differ("breaching", got.Breaching, want.breaching)
	differ("exhausted", got.Exhausted, want.exhausted)
	differ("down", got.Down, want.down)
	differ("level", got.Level, want.level)
	differ("live", got.Live, false)
	if !slices.Equal(got.Firing, want.firing) {
		wrong = append(wrong, fmt.Errorf("firing is %v, want %v", got.Firing, want.firing))
	}
	if !slices.Equal(got.Attribution, want.attribution) {
		wrong = append(wrong, fmt.Errorf("attribution is %v, want %v", got.Attribution, want.attribution))
	}
	var sum time.Duration
	for _, share := range got.Attribution {
		sum += share.Duration
	}
	differ("the sum of the attribution", sum, got.Budget.ConsumedStrict)
	return errors.Join(wrong...)
}

// floor rounds nanoseconds down.
func floor(r *big.Rat) time.Duration {
	q := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: the denominator is positive, so this rounds down
	return time.Duration(q.Int64())
}

// compareFloat reports a float that is not the exact value to within two units in the last place, or that compares
// otherwise than the exact value with a threshold of at most six decimals.
func compareFloat(got float64, want *big.Rat) error {
	show, _ := want.Float64()
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return fmt.Errorf("%v, want %v", got, show)
	}
	size := max(math.Abs(got), math.Abs(show))
	tolerance := new(big.Rat).SetFloat64(2 * (math.Nextafter(size, math.Inf(1)) - size))
	off := new(big.Rat).SetFloat64(got)
	if off.Sub(off, want); off.Abs(off).Cmp(tolerance) > 0 {
		return fmt.Errorf("%v, want %v", got, show)
	}
	millionths := new(big.Rat).Mul(want, big.NewRat(1e6, 1))
	nearest := new(big.Int).Div(millionths.Num(), millionths.Denom())
	if nearest.CmpAbs(big.NewInt(1<<32*1e6)) > 0 {
		return nil // there is not always a float between two thresholds
	}
	for k := nearest.Int64() - 1; k <= nearest.Int64()+2; k++ {
		if exactly, shown := want.Cmp(big.NewRat(k, 1e6)), cmp.Compare(got, float64(k)/1e6); exactly != shown {
			return fmt.Errorf("%v for %s, which compares with %v as %d, want %d", got, want.FloatString(20), float64(k)/1e6, shown, exactly)
		}
	}
	return nil
}

// heard returns the world as another machine heard of it: in another order, in parts repeated, in other time zones, to the
// nanosecond, with what may be left out written out.
func heard(w *world, rng *rand.Rand) *world {
	w = w.clone()
	late := func(t *time.Time) {
		if t.IsZero() {
			return
		}
		*t = t.Add(time.Duration(rng.IntN(1000)))
		if chance(rng, 30) {
			*t = t.In(berlin)
		}
	}
	full := func(impact *float64) {
		if *impact == 0 || *impact == 1 {
			*impact = float64(rng.IntN(2))
		}
	}
	of := func(f *facts) {
		f.observations = shuffled(rng, repeated(rng, f.observations))
		for i := range f.observations {
			o := &f.observations[i]
			late(&o.At)
			if o.Health != slo.Healthy {
				full(&o.Impact)
			}
		}
		f.statements = shuffled(rng, repeated(rng, f.statements))
		for i := range f.statements {
			s := &f.statements[i]
			s.Outages = shuffled(rng, repeated(rng, slices.Clone(s.Outages)))
			for j := range s.Outages {
				out := &s.Outages[j]
				late(&out.Start)
				if late(&out.End); !out.End.IsZero() && out.End.Before(out.Start) {
					out.End = out.Start
				}
				full(&out.Impact)
				if out.Health != slo.Degraded {
					out.Health = pick(rng, []slo.Health{slo.Unknown, slo.Unhealthy})
				}
			}
		}
		f.corrections = shuffled(rng, repeated(rng, f.corrections))
		for i := range f.corrections {
			c := &f.corrections[i]
			late(&c.From)
			late(&c.Until)
			if c.Health != slo.Healthy {
				full(&c.Impact)
			}
		}
	}
	of(&w.facts)
	for i := range w.upstreams {
		of(&w.upstreams[i].facts)
		late(&w.upstreams[i].from)
		late(&w.upstreams[i].until)
	}
	w.upstreams = shuffled(rng, repeated(rng, w.upstreams))
	w.maintenance = shuffled(rng, repeated(rng, w.maintenance))
	for i := range w.maintenance {
		late(&w.maintenance[i].Start)
		late(&w.maintenance[i].End)
	}
	return w
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// repeated returns the list with some of its elements once more.
func repeated[T any](rng *rand.Rand, list []T) []T {
	for _, x := range list[:len(list):len(list)] {
		if chance(rng, 20) {
			list = append(list, x)
		}
	}
	return list
}

func TestFactsInAnyOrderRepeatedAndLateGiveTheSameAnswers(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		first, err := w.build()
		if err != nil {
			return err
		}
		other := heard(w, rng)
		again, err := other.build()
		if err != nil {
			return fmt.Errorf("heard in another order: %w", err)
		}
		for _, at := range moments(rng, w, 20) {
			if a, b := first.Status(at), again.Status(at); !reflect.DeepEqual(a, b) {
				return fmt.Errorf("status at %s is\n%+v, heard in another order\n%+v", show(at), a, b)
			}
		}
		return nil
	})
}

func TestHistoriesOfTheSameFactsHaveTheSameBytes(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := bytesOf(w.history())
		if err != nil {
			return err
		}
		for range 3 {
			f := heard(w, rng).facts
			got, err := bytesOf(f.history())
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("history is %x, in another order %x", want, got)
			}
			got, err = bytesOf(f.inParts(rng))
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("history is %x, put together in parts %x", want, got)
			}
		}
		return nil
	})
}

func bytesOf(h *slo.SystemHistory, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return h.MarshalBinary()
}

// inParts makes the history of some of the observations and adds the others in parts, some of them again.
func (f facts) inParts(rng *rand.Rand) (*slo.SystemHistory, error) {
	rest := slices.Clone(f.observations)
	if chance(rng, 50) {
		slices.SortStableFunc(rest, func(a, b slo.Observation) int { return a.At.Compare(b.At) })
	}
	n := rng.IntN(len(rest) + 1)
	h, err := slo.NewSystemHistory(f.system, rest[:n], f.statements, f.corrections)
	if err != nil {
		return nil, err
	}
	for rest = rest[n:]; len(rest) > 0; rest = rest[n:] {
		n = 1 + rng.IntN(len(rest))
		if h, err = h.Add(rest[:n]...); err != nil {
			return nil, err
		}
		if chance(rng, 30) {
			if h, err = h.Add(pick(rng, f.observations)); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

func TestAHistoryReadBackFromItsBytesAnswersTheSame(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		stored := func(f facts) (*slo.SystemHistory, error) {
			data, err := bytesOf(f.inParts(rng))
			if err != nil {
				return nil, err
			}
			h := new(slo.SystemHistory)
			if err := h.UnmarshalBinary(data); err != nil {
				return nil, err
			}
			if h.SystemID() != f.system {
				return nil, fmt.Errorf("history of %q, want of %q", h.SystemID(), f.system)
			}
			for i := range data {
				data[i] = 0xff // the history must not keep what it was read from
			}
			return h, nil
		}
		want, err := w.build()
		if err != nil {
			return err
		}
		own, err := stored(w.facts)
		if err != nil {
			return err
		}
		upstreams, err := w.edgesOf()
		if err != nil {
			return err
		}
		for i, d := range w.upstreams {
			if !d.mute {
				if upstreams[i].History, err = stored(d.facts); err != nil {
					return err
				}
			}
		}
		got, err := w.objective.Timeline(own, upstreams, w.maintenance)
		if err != nil {
			return err
		}
		if err := sameAnswers(got, want, moments(rng, w, 20)); err != nil {
			return err
		}
		// What was read back grows as what it was made from.
		more := slo.Observation{SystemID: w.system, CheckID: "new", At: start.Add(300 * time.Hour), Health: slo.Unhealthy, UpstreamID: "new"}
		grown, err := own.Add(more)
		if err != nil {
			return err
		}
		w = w.clone()
		w.observations = append(w.observations, more)
		a, err := bytesOf(grown, nil)
		if err != nil {
			return err
		}
		b, err := bytesOf(w.history())
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("read back and grown %x, want %x", a, b)
		}
		return nil
	})
}

// sameAnswers asks two timelines everything at some instants, and each two of those about the time between.
func sameAnswers(got, want *slo.Timeline, at []time.Time) error {
	for i, now := range at {
		if a, b := got.Status(now), want.Status(now); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("status at %s is\n%+v, want\n%+v", show(now), a, b)
		}
		if a, b := slices.Collect(got.Downtimes(now)), slices.Collect(want.Downtimes(now)); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("downtimes at %s are\n%+v, want\n%+v", show(now), a, b)
		}
		from, to := at[max(i-1, 0)], now
		if to.Before(from) {
			from, to = to, from
		}
		if from.Equal(to) {
			continue
		}
		a, err := got.Explain(from, to, to)
		if err != nil {
			return err
		}
		b, err := want.Explain(from, to, to)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(a, b) {
			return fmt.Errorf("explanation of [%s, %s) is\n%+v, want\n%+v", show(from), show(to), a, b)
		}
	}
	return nil
}

func TestATimelineThatGrewAnswersAsOneMadeAnew(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		g, err := newGrowth(w, rng)
		if err != nil {
			return err
		}
		for step := range 8 {
			if err := g.step(rng); err != nil {
				return fmt.Errorf("step %d: %w", step, err)
			}
		}
		return g.unchanged()
	})
}

// growth is a world that is heard of little by little, with every timeline that it had.
type growth struct {
	whole *world   // all that there will be
	parts []*world // what was known at each stage
	own   []*slo.SystemHistory
	ups   []map[string]*slo.SystemHistory
	lines []*slo.Timeline
	at    []time.Time
	saw   [][]slo.Status // what each timeline answered when it was new
}

func newGrowth(w *world, rng *rand.Rand) (*growth, error) {
	w = w.clone()
	byTime := func(list []slo.Observation) {
		slices.SortStableFunc(list, func(a, b slo.Observation) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq))
		})
	}
	byTime(w.observations)
	for i := range w.upstreams {
		byTime(w.upstreams[i].observations)
	}
	first := w.clone()
	first.observations = first.observations[:rng.IntN(len(first.observations)+1)]
	ups := map[string]*slo.SystemHistory{}
	heard := map[string]int{}
	for i := range first.upstreams {
		d := &first.upstreams[i]
		if _, ok := heard[d.system]; !ok {
			heard[d.system] = rng.IntN(len(d.observations) + 1)
		}
		d.observations = d.observations[:heard[d.system]]
		h, err := d.history()
		if err != nil {
			return nil, err
		}
		ups[d.system] = h
	}
	own, err := first.history()
	if err != nil {
		return nil, err
	}
	g := &growth{whole: w, at: moments(rng, w, 6)}
	tl, err := w.objective.Timeline(own, upstreamsWith(first, ups), first.maintenance)
	if err != nil {
		return nil, err
	}
	g.add(first, own, ups, tl)
	return g, nil
}

func upstreamsWith(w *world, histories map[string]*slo.SystemHistory) []slo.Upstream {
	var list []slo.Upstream
	for _, d := range w.upstreams {
		u := slo.Upstream{ID: d.system, Name: d.name, From: d.from, Until: d.until}
		if !d.mute {
			u.History = histories[d.system]
		}
		list = append(list, u)
	}
	return list
}

func (g *growth) add(w *world, own *slo.SystemHistory, ups map[string]*slo.SystemHistory, tl *slo.Timeline) {
	var saw []slo.Status
	for _, at := range g.at {
		saw = append(saw, tl.Status(at))
	}
	g.parts, g.own, g.ups, g.lines, g.saw = append(g.parts, w), append(g.own, own), append(g.ups, ups), append(g.lines, tl), append(g.saw, saw)
}

// step lets one of the timelines grow, mostly the newest, and compares it with one made anew of the same facts.
func (g *growth) step(rng *rand.Rand) error {
	from := len(g.lines) - 1
	if chance(rng, 15) {
		from = rng.IntN(len(g.lines))
	}
	w, own, ups := g.parts[from].clone(), g.own[from], map[string]*slo.SystemHistory{}
	for id, h := range g.ups[from] {
		ups[id] = h
	}
	var err error
	if chance(rng, 70) {
		more := nextWords(rng, w.observations, g.whole.observations)
		w.observations = append(w.observations, more...)
		if own, err = own.Add(more...); err != nil {
			return err
		}
	}
	for i, d := range w.upstreams {
		if i > 0 && slices.ContainsFunc(w.upstreams[:i], func(before dependency) bool { return before.system == d.system }) {
			continue // one system that was depended on twice
		}
		if chance(rng, 60) {
			continue
		}
		j := slices.IndexFunc(g.whole.upstreams, func(all dependency) bool { return all.system == d.system })
		more := nextWords(rng, d.observations, g.whole.upstreams[j].observations)
		for k := range w.upstreams {
			if w.upstreams[k].system == d.system {
				w.upstreams[k].observations = append(slices.Clone(d.observations), more...)
			}
		}
		if ups[d.system], err = ups[d.system].Add(more...); err != nil {
			return err
		}
	}
	if chance(rng, 5) && len(w.upstreams) > 0 {
		w.upstreams = w.upstreams[1:]
	}
	if chance(rng, 5) && len(w.maintenance) > 0 {
		w.maintenance = w.maintenance[1:]
	}
	tl, err := g.lines[from].Extend(own, upstreamsWith(w, ups), w.maintenance)
	if err != nil {
		return err
	}
	want, err := w.build()
	if err != nil {
		return err
	}
	if err := sameAnswers(tl, want, append(moments(rng, g.whole, 10), g.at...)); err != nil {
		return fmt.Errorf("grown from stage %d: %w", from, err)
	}
	g.add(w, own, ups, tl)
	return nil
}

// nextWords returns observations to be heard next: mostly those that follow, sometimes later ones, one made up at the
// very instant of the last, or one from before.
func nextWords(rng *rand.Rand, known, all []slo.Observation) []slo.Observation {
	if len(all) == 0 {
		return nil
	}
	if chance(rng, 15) {
		return []slo.Observation{pick(rng, all)}
	}
	n := min(len(known), len(all))
	more := slices.Clone(all[n:min(n+1+rng.IntN(4), len(all))])
	if len(known) > 0 && chance(rng, 15) {
		again := known[len(known)-1]
		again.Health, again.Impact = slo.Unhealthy, pick(rng, impacts)
		more = append(more, again)
	}
	return more
}

// unchanged asks every timeline once more what it was asked when it was new.
func (g *growth) unchanged() error {
	for i, tl := range g.lines {
		for j, at := range g.at {
			if now := tl.Status(at); !reflect.DeepEqual(now, g.saw[i][j]) {
				return fmt.Errorf("timeline %d of %d at %s: once\n%+v, after others grew from it\n%+v", i, len(g.lines), show(at), g.saw[i][j], now)
			}
		}
	}
	return nil
}

func TestHistoriesThatGrewApartKeepApart(t *testing.T) {
	base, err := slo.NewSystemHistory(ownSystem, []slo.Observation{
		{SystemID: ownSystem, CheckID: "http", At: start, Health: slo.Unhealthy, UpstreamID: "db"},
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	branch := func(h *slo.SystemHistory, name string, at time.Time) *slo.SystemHistory {
		t.Helper()
		h, err := h.Add(slo.Observation{SystemID: ownSystem, CheckID: "check " + name, At: at, Health: slo.Unhealthy, UpstreamID: "upstream " + name})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	var histories []*slo.SystemHistory
	for _, name := range []string{"a", "b", "c"} {
		h := branch(base, name, start.Add(time.Hour))
		histories = append(histories, h, branch(h, name+"1", start.Add(2*time.Hour)), branch(h, name+"2", start.Add(2*time.Hour)))
	}
	alone := func(names ...string) *slo.SystemHistory {
		list := []slo.Observation{{SystemID: ownSystem, CheckID: "http", At: start, Health: slo.Unhealthy, UpstreamID: "db"}}
		for i, name := range names {
			list = append(list, slo.Observation{
				SystemID: ownSystem, CheckID: "check " + name, At: start.Add(time.Duration(i+1) * time.Hour), Health: slo.Unhealthy, UpstreamID: "upstream " + name,
			})
		}
		h, err := slo.NewSystemHistory(ownSystem, list, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for i, names := range [][]string{{"a"}, {"a", "a1"}, {"a", "a2"}, {"b"}, {"b", "b1"}, {"b", "b2"}, {"c"}, {"c", "c1"}, {"c", "c2"}} {
		got, err := bytesOf(histories[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := bytesOf(alone(names...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the history of %q is %q, want %q", names, got, want)
		}
	}
}

func TestTimelinesThatGrewApartKeepApart(t *testing.T) {
	o := slo.Objective{ID: "o", SystemID: ownSystem, Target: 99, Window: slo.Days(30), UnknownIsDown: true}
	outages := func(system string, n int, from time.Time) (list []slo.Observation) {
		for i := range n {
			at := from.Add(time.Duration(i) * time.Hour)
			list = append(list, slo.Down(system, at), slo.Up(system, at.Add(30*time.Minute)))
			if i%3 == 0 {
				list = append(list, slo.Observation{SystemID: system, At: at.Add(15 * time.Minute), Health: slo.Unknown})
			}
		}
		return list
	}
	history := func(system string, words []slo.Observation) *slo.SystemHistory {
		t.Helper()
		h, err := slo.NewSystemHistory(system, words, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	add := func(h *slo.SystemHistory, words []slo.Observation) *slo.SystemHistory {
		t.Helper()
		h, err := h.Add(words...)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	type line struct {
		own, db    *slo.SystemHistory
		words, dbs []slo.Observation // what they were made of
		tl         *slo.Timeline
	}
	// extend lets a line grow by histories that were made of its own.
	extend := func(from line, own, db *slo.SystemHistory, words, dbs []slo.Observation) line {
		t.Helper()
		tl, err := from.tl.Extend(own, []slo.Upstream{{ID: "db", History: db}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return line{own, db, slices.Concat(from.words, words), slices.Concat(from.dbs, dbs), tl}
	}

	first := line{own: history(ownSystem, nil), db: history("db", nil)}
	var err error
	if first.tl, err = o.Timeline(first.own, []slo.Upstream{{ID: "db", History: first.db}}, nil); err != nil {
		t.Fatal(err)
	}
	words := outages(ownSystem, 40, start)
	trunk := extend(first, add(first.own, words), first.db, words, nil)
	words = outages(ownSystem, 5, start.Add(50*time.Hour))
	trunk = extend(trunk, add(trunk.own, words), trunk.db, words, nil)
	lines := []line{first, trunk}

	// Branches of which each heard something else of the system itself,
	for i := range 4 {
		words := outages(ownSystem, 7+i, start.Add(60*time.Hour+time.Duration(i)*time.Minute))
		branch := extend(trunk, add(trunk.own, words), trunk.db, words, nil)
		more := outages(ownSystem, 40, start.Add(100*time.Hour+time.Duration(i)*time.Minute))
		lines = append(lines, branch, extend(branch, add(branch.own, more), branch.db, more, nil))
	}
	// and branches that heard the same of it, and something else of its upstream.
	trunk, words = lines[3], outages(ownSystem, 10, start.Add(200*time.Hour))
	own := add(trunk.own, words)
	for i := range 4 {
		var dbs []slo.Observation
		if i > 0 {
			dbs = outages("db", 5+i, start.Add(200*time.Hour-time.Duration(i)*time.Minute))
		}
		lines = append(lines, extend(trunk, own, add(trunk.db, dbs), words, dbs))
	}

	for i, l := range lines {
		want, err := o.Timeline(history(ownSystem, l.words), []slo.Upstream{{ID: "db", History: history("db", l.dbs)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameAnswers(l.tl, want, []time.Time{start.Add(55 * time.Hour), start.Add(70 * time.Hour), start.Add(300 * time.Hour)}); err != nil {
			t.Errorf("timeline %d: %v", i, err)
		}
	}
}

func TestWhatIsTakenBackLeavesNoTrace(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := w.build()
		if err != nil {
			return err
		}
		more := w.clone()
		more.statements = append(more.statements,
			slo.Statement{Source: "mistake", Rev: 1, Outages: []slo.Outage{{SystemID: w.system, Start: start, UpstreamID: "nobody"}}},
			slo.Statement{Source: "mistake", Rev: 2})
		more.corrections = append(more.corrections,
			slo.Correction{ID: "mistake", Rev: 1, SystemID: w.system, From: start, Until: start.Add(time.Hour), Health: slo.Unhealthy},
			slo.Correction{ID: "mistake", Rev: 2, SystemID: "elsewhere", From: start, Until: start.Add(time.Hour)})
		more.maintenance = append(more.maintenance,
			slo.Maintenance{ID: "mistake", Rev: 1, SystemID: w.system, Start: start, End: start.Add(time.Hour)},
			slo.Maintenance{ID: "mistake", Rev: 2, SystemID: w.system, Start: start, End: start.Add(time.Hour), Cancelled: true})
		got, err := more.build()
		if err != nil {
			return err
		}
		return sameAnswers(got, want, moments(rng, w, 20))
	})
}

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

func TestNothingThatWasPassedInOrGivenOutIsShared(t *testing.T) {
	inEveryWorld(t, 150, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := w.build()
		if err != nil {
			return err
		}
		passed := w.clone()
		h, err := passed.history()
		if err != nil {
			return err
		}
		upstreams, err := passed.edgesOf()
		if err != nil {
			return err
		}
		got, err := passed.objective.Timeline(h, upstreams, passed.maintenance)
		if err != nil {
			return err
		}
		passed.spoil()
		clear(upstreams)
		at := moments(rng, w, 10)
		spoilObjective(ptr(got.Objective()))
		for _, now := range at {
			s := got.Status(now)
			clear(s.Attribution)
			_ = append(s.Firing, slo.Firing{}) // which may be shared, so that it is not to be changed
			if e, err := got.Explain(now.Add(-100*time.Hour), now, now); err == nil {
				for _, c := range e.Downtime {
					clear(c.Sources)
				}
				clear(e.Downtime)
				clear(e.Budget)
				clear(e.Unobserved)
			}
		}
		if data, err := h.MarshalBinary(); err != nil {
			return err
		} else {
			clear(data)
		}
		if !reflect.DeepEqual(got.Objective(), want.Objective()) {
			return fmt.Errorf("objective is %+v, want %+v", got.Objective(), want.Objective())
		}
		return sameAnswers(got, want, at)
	})
}

func ptr[T any](x T) *T { return &x }

// spoil overwrites every slice that the world holds.
func (w *world) spoil() {
	spoilObjective(&w.objective)
	for _, f := range append([]facts{w.facts}, func() (list []facts) {
		for _, d := range w.upstreams {
			list = append(list, d.facts)
		}
		return list
	}()...) {
		for _, s := range f.statements {
			clear(s.Outages)
		}
		clear(f.observations)
		clear(f.statements)
		clear(f.corrections)
	}
	clear(w.maintenance)
}

func spoilObjective(o *slo.Objective) {
	for _, r := range o.Revisions {
		clear(r.NeverExcuse)
		clear(r.Policy.Rules)
	}
	clear(o.Revisions)
	clear(o.NeverExcuse)
	clear(o.Policy.Rules)
	clear(o.Labels)
}
