package slo_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

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
	maps.Copy(ups, g.ups[from])
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
