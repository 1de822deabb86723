package slo_test

import (
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

var (
	rounds    = flag.Int("rounds", 0, "how many random worlds each property is tried on; 0: a small number of its own")
	firstSeed = flag.Uint64("seed", 0, "the seed of the first random world; each next world has the next")
)

// property is something that holds of every world; the error says how it does not. What it draws from rng must not
// depend on the engine, so that a smaller world can be tried with the same draws.
type property func(w *world, rng *rand.Rand) error

// inEveryWorld tries a property on random worlds, a twentieth of them under -short. A world in which it does not hold is
// made as small as it can be before it is shown.
func inEveryWorld(t *testing.T, worlds int, opts worldOptions, holds property) {
	t.Helper()
	if *rounds > 0 {
		worlds = *rounds
	} else if testing.Short() {
		worlds = max(worlds/20, 10)
	}
	const workers = 4
	for worker := range workers {
		t.Run(fmt.Sprintf("worlds %d of %d", worker+1, workers), func(t *testing.T) {
			t.Parallel()
			for i := worker; i < worlds; i += workers {
				seed := *firstSeed + uint64(i)
				w := randomWorld(rand.New(rand.NewPCG(seed, 1)), opts)
				try := func(w *world) (err error) {
					defer func() {
						if r := recover(); r != nil {
							err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
						}
					}()
					return holds(w, rand.New(rand.NewPCG(seed, 2)))
				}
				if err := try(w); err != nil {
					valid := func(w *world) bool { _, err := w.build(); return err == nil }
					small := shrink(w, func(w *world) bool { return valid(w) && try(w) != nil })
					t.Fatalf("seed %d: %v\n\nThe smallest such world (-seed %[1]d -rounds 1): %[3]v\n%[4]v", seed, err, try(small), small)
				}
			}
		})
	}
}

// worldOptions says what a random world is like; the zero value mixes everything that there is.
type worldOptions struct {
	facts        int           // about how many facts; 0: from 3 to 40
	instants     int           // about how many instants they share; 0: from 6 to 20
	noRevisions  bool          // the terms never changed
	noUpstreams  bool          // no edges, and nobody is named
	rollingOnly  bool          // no calendar windows
	calendarOnly bool          // no rolling windows
	longest      time.Duration // of rolling windows; 0: 30 days
}

// The pools are small, so that edges coincide, sources are restated and two upstreams are down at once.
var (
	// start lies such that the instants reach over the end of a month, of a week, and of winter time in Berlin.
	start = time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)

	ownSystem   = "api"
	dependsOn   = []string{"cache", "db", "Db"}
	onlyNamed   = "cdn"
	checks      = []string{"http", "tcp"}
	impacts     = []float64{0, 0, 0, 1, 0.5, 0.5, 0.25, 0.75, 0.001, 0.999, 0.333}
	targets     = []float64{99.9, 99.9, 99, 99.5, 99.99, 95, 90, 50, 0, 100, 99.999999, 33.333333}
	lengths     = []time.Duration{time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * time.Minute, 5 * time.Minute, time.Microsecond}
	severities  = []slo.Severity{slo.Page, slo.Ticket, "wake"}
	berlin      = mustLoad("Europe/Berlin")
	everyUnit   = []slo.Unit{slo.Day, slo.Week, slo.Month, slo.Quarter, slo.Year}
	everyHealth = []slo.Health{slo.Unknown, slo.Healthy, slo.Degraded, slo.Unhealthy}
)

func mustLoad(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return loc
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// chance is true n times in a hundred.
func chance(rng *rand.Rand, n int) bool { return rng.IntN(100) < n }

// builder makes one random world.
type builder struct {
	rng      *rand.Rand
	opts     worldOptions
	instants []time.Time // sorted, each once
}

// randomWorld makes a world that the engine must accept.
func randomWorld(rng *rand.Rand, opts worldOptions) *world {
	b := &builder{rng: rng, opts: opts}
	b.drawInstants()
	n := opts.facts
	if n == 0 {
		n = 3 + rng.IntN(38)
	}
	w := &world{objective: b.objective(), facts: facts{system: ownSystem}}
	systems := []string{ownSystem}
	if !opts.noUpstreams {
		systems = append(systems, dependsOn...)
	}
	observations, statements, corrections := b.facts(n, systems)
	w.facts = about(ownSystem, observations, statements, corrections)
	if !opts.noUpstreams {
		for _, id := range dependsOn {
			if chance(rng, 70) {
				w.upstreams = append(w.upstreams, b.edges(about(id, observations, statements, corrections))...)
			}
		}
	}
	rng.Shuffle(len(w.upstreams), func(i, j int) { w.upstreams[i], w.upstreams[j] = w.upstreams[j], w.upstreams[i] })
	w.maintenance = b.maintenance(rng.IntN(5))
	return w
}

// about returns what is known of one system: its own observations, and all statements and corrections, since a greater
// Rev counts also where it speaks of other systems.
func about(system string, observations []slo.Observation, statements []slo.Statement, corrections []slo.Correction) facts {
	f := facts{system: system, statements: slices.Clone(statements), corrections: slices.Clone(corrections)}
	for _, o := range observations {
		if o.SystemID == system {
			f.observations = append(f.observations, o)
		}
	}
	return f
}

// drawInstants draws the instants that the facts share: most on whole hours, some a microsecond beside another.
func (b *builder) drawInstants() {
	b.instants = []time.Time{start, start.Add(24 * time.Hour)}
	n := b.opts.instants
	if n == 0 {
		n = 4 + b.rng.IntN(14)
	}
	for range n {
		at := start
		switch b.rng.IntN(4) {
		case 0:
			at = at.Add(time.Duration(b.rng.IntN(12)) * time.Hour)
		case 1:
			at = at.Add(time.Duration(b.rng.IntN(9*24)) * time.Hour)
		case 2:
			at = at.Add(time.Duration(b.rng.IntN(200)) * time.Minute)
		default:
			at = at.Add(time.Duration(b.rng.Int64N(int64(8*24*time.Hour))) / time.Microsecond * time.Microsecond)
		}
		b.instants = append(b.instants, at)
		if chance(b.rng, 15) {
			b.instants = append(b.instants, at.Add(time.Microsecond))
		}
	}
	slices.SortFunc(b.instants, time.Time.Compare)
	b.instants = slices.Compact(b.instants)
}

func (b *builder) instant() time.Time { return pick(b.rng, b.instants) }

// ordered returns two instants of which the second is later, or not earlier where they may be equal.
func (b *builder) ordered(mayBeEqual bool) (from, until time.Time) {
	for {
		from, until = b.instant(), b.instant()
		if until.Before(from) {
			from, until = until, from
		}
		if mayBeEqual || from.Before(until) {
			return from, until
		}
	}
}

// culprit returns whom a fact about a system names, mostly nobody.
func (b *builder) culprit(system string) string {
	if b.opts.noUpstreams || chance(b.rng, 65) {
		return ""
	}
	id := pick(b.rng, append([]string{onlyNamed}, dependsOn...))
	if id == system {
		return ""
	}
	return id
}

func (b *builder) check() string {
	if chance(b.rng, 55) {
		return ""
	}
	return pick(b.rng, checks)
}

// said returns a health with an impact that it may have.
func (b *builder) said() (slo.Health, float64) {
	h := pick(b.rng, everyHealth)
	if h == slo.Healthy {
		return h, 0
	}
	return h, pick(b.rng, impacts)
}

// facts draws n facts about the systems, most of them about the first.
func (b *builder) facts(n int, systems []string) (observations []slo.Observation, statements []slo.Statement, corrections []slo.Correction) {
	system := func() string {
		if chance(b.rng, 50) {
			return systems[0]
		}
		return pick(b.rng, systems)
	}
	// A system's own word silences its checks for ever, so that half of all worlds have none.
	own := chance(b.rng, 50)
	stated := map[string]bool{}
	mix := [...]int{30 + b.rng.IntN(60), 10 + b.rng.IntN(40), b.rng.IntN(30)}
	for range n {
		switch draw := b.rng.IntN(mix[0] + mix[1] + mix[2]); {
		case draw < mix[0]:
			o := slo.Observation{SystemID: system(), CheckID: b.check(), At: b.instant()}
			if !own && o.SystemID == ownSystem && o.CheckID == "" {
				o.CheckID = checks[0]
			}
			if chance(b.rng, 30) {
				o.Seq = int64(b.rng.IntN(3) - 1)
			}
			o.Health, o.Impact = b.said()
			o.UpstreamID = b.culprit(o.SystemID)
			if chance(b.rng, 20) {
				o.Note = pick(b.rng, []string{"a", "b"})
			}
			observations = append(observations, o)
			if chance(b.rng, 5) {
				observations = append(observations, o)
			}
		case draw < mix[0]+mix[1]:
			s := slo.Statement{Source: pick(b.rng, []string{"incident 1", "incident 2", "import", "ada", "grace"}), Rev: int64(b.rng.IntN(4) - 1)}
			if key := fmt.Sprint(s.Source, s.Rev); stated[key] {
				continue // an equal Rev would have to say the same
			} else {
				stated[key] = true
			}
			for range b.rng.IntN(5) {
				s.Outages = append(s.Outages, b.outage(system()))
			}
			statements = append(statements, s)
			if chance(b.rng, 10) {
				repeated := slo.Statement{Source: s.Source, Rev: s.Rev, Outages: slices.Clone(s.Outages)}
				slices.Reverse(repeated.Outages)
				statements = append(statements, repeated)
			}
		default:
			c := slo.Correction{ID: pick(b.rng, []string{"c1", "c2", "c3", "C3"}), Rev: int64(b.rng.IntN(3)), SystemID: system(), CheckID: b.check()}
			if key := fmt.Sprint(c.ID, c.Rev); stated[key] {
				continue
			} else {
				stated[key] = true
			}
			c.From, c.Until = b.ordered(false)
			c.Health, c.Impact = b.said()
			corrections = append(corrections, c)
			if chance(b.rng, 10) {
				corrections = append(corrections, c)
			}
		}
	}
	return observations, statements, corrections
}

func (b *builder) outage(system string) slo.Outage {
	out := slo.Outage{SystemID: system, CheckID: b.check(), Impact: pick(b.rng, impacts), UpstreamID: b.culprit(system)}
	out.Start, out.End = b.ordered(true)
	if chance(b.rng, 10) {
		out.End = time.Time{}
	}
	out.Health = pick(b.rng, []slo.Health{slo.Unknown, slo.Unhealthy, slo.Degraded})
	if chance(b.rng, 20) {
		out.Note = "n"
	}
	return out
}

// edges returns one upstream as it was depended on: always, for a time, or several times.
func (b *builder) edges(f facts) []dependency {
	d := dependency{facts: f, mute: chance(b.rng, 5)}
	if chance(b.rng, 50) {
		d.name = "the " + f.system
	}
	list := []dependency{d}
	if chance(b.rng, 20) {
		list = append(list, d)
	}
	for i := range list {
		from, until := b.ordered(false)
		if chance(b.rng, 40) {
			list[i].from = from
		}
		if chance(b.rng, 40) {
			list[i].until = until
		}
	}
	return list
}

func (b *builder) maintenance(n int) []slo.Maintenance {
	var list []slo.Maintenance
	seen := map[string]bool{}
	for range n {
		m := slo.Maintenance{ID: pick(b.rng, []string{"m1", "m2", "m3"}), Rev: int64(b.rng.IntN(3)), SystemID: ownSystem, Cancelled: chance(b.rng, 25)}
		if chance(b.rng, 20) {
			m.SystemID = pick(b.rng, dependsOn)
		}
		if key := fmt.Sprint(m.ID, m.Rev); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		m.Start, m.End = b.ordered(false)
		list = append(list, m)
		if chance(b.rng, 10) {
			list = append(list, m)
		}
	}
	return list
}

func (b *builder) objective() slo.Objective {
	terms := b.terms()
	o := slo.Objective{
		ID: "o", Name: "an objective", SystemID: ownSystem,
		Target: terms.Target, Window: terms.Window, DependencyExclusion: terms.DependencyExclusion,
		NeverExcuse: terms.NeverExcuse, ExcludeMaintenance: terms.ExcludeMaintenance, DegradedIsUp: terms.DegradedIsUp,
		UnknownIsDown: terms.UnknownIsDown, CountFrom: terms.CountFrom, Policy: terms.Policy, Thresholds: terms.Thresholds,
	}
	if chance(b.rng, 20) {
		o.CheckID = checks[0]
	}
	if !b.opts.noRevisions && chance(b.rng, 50) {
		for _, until := range b.instants {
			if len(o.Revisions) < 4 && chance(b.rng, 15) {
				r := b.terms()
				r.Until = until
				o.Revisions = append(o.Revisions, r)
			}
		}
	}
	return o
}

func (b *builder) terms() slo.Revision {
	r := slo.Revision{
		Target: pick(b.rng, targets), Window: b.window(), ExcludeMaintenance: chance(b.rng, 50),
		DegradedIsUp: chance(b.rng, 40), UnknownIsDown: chance(b.rng, 40),
	}
	if chance(b.rng, 60) {
		r.DependencyExclusion = slo.SelfOnly
	}
	for _, id := range append([]string{onlyNamed}, dependsOn...) {
		if chance(b.rng, 15) {
			r.NeverExcuse = append(r.NeverExcuse, id)
		}
	}
	if chance(b.rng, 15) {
		r.CountFrom = b.instant()
	}
	if chance(b.rng, 40) {
		r.Thresholds = pick(b.rng, []slo.Thresholds{
			{Warning: 10, Critical: 10, FastBurn: 1}, {Critical: 99.999999}, {Warning: 0.000001}, {FastBurn: 0.25},
		})
	}
	r.Policy = b.policy(r.Target, r.Window)
	return r
}

func (b *builder) window() slo.Window {
	calendar := chance(b.rng, 35)
	if b.opts.calendarOnly || calendar && !b.opts.rollingOnly {
		return slo.Calendar(pick(b.rng, everyUnit), pick(b.rng, []*time.Location{time.UTC, berlin}))
	}
	d := pick(b.rng, lengths)
	if b.opts.longest > 0 {
		d = min(d, b.opts.longest)
	}
	return slo.Rolling(d)
}

// policy returns a policy that a window and a target allow.
func (b *builder) policy(target float64, window slo.Window) slo.AlertPolicy {
	if chance(b.rng, 40) {
		return slo.AlertPolicy{}
	}
	if chance(b.rng, 15) {
		return slo.NoAlerts()
	}
	var p slo.AlertPolicy
	nominal := spanOf(window).nominal
	for range 1 + b.rng.IntN(3) {
		long := min(pick(b.rng, lengths), nominal)
		short := min(pick(b.rng, lengths), long)
		r := slo.BurnRule{Severity: pick(b.rng, severities), Long: long, Short: short}
		factor := new(big.Rat)
		if chance(b.rng, 50) {
			r.Factor = pick(b.rng, []float64{0.5, 1, 1, 2, 3, 6, 14.4, 1.5, 10, 100, 0.000001})
			factor = exact(r.Factor)
		} else {
			r.Share = pick(b.rng, []float64{1, 2, 5, 10, 50, 100, 0.000001})
			factor.Mul(exact(r.Share), big.NewRat(int64(nominal), 100*int64(long)))
		}
		bad := new(big.Rat).Sub(big.NewRat(100, 1), exact(target))
		if bad.Mul(bad, factor).Cmp(big.NewRat(100, 1)) <= 0 { // else a total outage could not reach it
			p.Rules = append(p.Rules, r)
		}
	}
	p.Off = len(p.Rules) == 0
	return p
}

// moments returns instants worth asking at: every edge with its neighbours, where a window leaves an edge behind, period
// edges, and others; at most n of them, in random order.
func moments(rng *rand.Rand, w *world, n int) []time.Time {
	o := &oracle{w: w}
	edges := o.edges()
	if len(edges) == 0 {
		edges = []time.Time{start}
	}
	var list []time.Time
	near := func(at time.Time) { list = append(list, at.Add(-time.Microsecond), at, at.Add(time.Microsecond)) }
	for _, at := range edges {
		near(at)
		s := spanOf(o.termsAt(at).Window)
		if s.rolling > 0 {
			near(at.Add(s.rolling))
		} else {
			from, to := s.period(at)
			near(from)
			near(to)
		}
		near(at.Add(pick(rng, []time.Duration{time.Hour, 5 * time.Minute, 6 * time.Hour, 30 * time.Minute, 72 * time.Hour})))
	}
	first, last := edges[0], edges[len(edges)-1]
	for range len(list)/4 + 4 {
		list = append(list, first.Add(-time.Hour).Add(time.Duration(rng.Int64N(int64(last.Sub(first)+50*time.Hour)))))
	}
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}
