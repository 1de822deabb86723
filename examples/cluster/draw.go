package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// dawn is when the first round takes place; the objectives are older.
var dawn = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

const (
	lanes   = 4 // operations that are told at once
	perLane = 8 // in a round
)

// The systems that all lanes tell of. There is seldom anything wrong with the last one, so that something is achieved.
var systems = []string{"api", "db", "mail", "web", "queue"}

// own is the system, and its objective, of which one lane alone tells.
func own(lane int) string { return fmt.Sprint("own-", lane) }

// objectives are those that are there from the beginning.
func objectives() []slo.Objective {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		berlin = time.UTC
	}
	list := []slo.Objective{
		{ID: "api-month", SystemID: "api", Target: 97, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly},
		{ID: "api-week", SystemID: "api", Target: 90, Window: slo.Calendar(slo.Week, time.UTC), ExcludeMaintenance: true},
		{ID: "db-day", SystemID: "db", Target: 97, Window: slo.Days(1), DegradedIsUp: true},
		{ID: "db-month", SystemID: "db", Target: 99, Window: slo.Calendar(slo.Month, berlin), ExcludeMaintenance: true},
		{ID: "mail-http", SystemID: "mail", CheckID: "http", Target: 95, Window: slo.Days(7), UnknownIsDown: true},
		{ID: "queue-month", SystemID: "queue", Target: 99.9, Window: slo.Days(30)},
		{ID: "web-week", SystemID: "web", Target: 95, Window: slo.Days(7), DependencyExclusion: slo.SelfOnly, NeverExcuse: []string{"db"}},
	}
	for lane := range lanes {
		list = append(list, slo.Objective{ID: own(lane), SystemID: own(lane), Target: 95, Window: slo.Days(3)})
	}
	for i := range list {
		list[i].CreatedAt = dawn.AddDate(0, 0, -40)
	}
	return list
}

// drawer draws what is told.
type drawer struct {
	random *rand.Rand
	now    time.Time
	ids    []string        // of the objectives that are there
	busy   map[string]bool // objectives that are changed in this round, by one operation
	count  int64
	revs   map[int64]bool // that were drawn
}

func newDrawer(seed uint64) *drawer {
	d := &drawer{random: rand.New(rand.NewPCG(seed, 0)), now: dawn, busy: map[string]bool{}, revs: map[int64]bool{}}
	for _, o := range objectives() {
		d.ids = append(d.ids, o.ID)
	}
	return d
}

// round draws what each lane tells at an instant. What lanes tell at once must not depend on its order.
func (d *drawer) round(now time.Time) [lanes][]operation {
	d.now = now
	clear(d.busy)
	var all [lanes][]operation
	for lane := range all {
		for range perLane {
			all[lane] = append(all[lane], d.operation(lane))
		}
	}
	return all
}

// pause draws what is told one after the other when all lanes have ended.
func (d *drawer) pause() []operation {
	list := []operation{{Daily: true}}
	if n := d.random.IntN(len(d.ids)); d.random.IntN(10) == 0 && isExtra(d.ids[n]) {
		list = append(list, operation{Delete: d.ids[n]})
		d.ids = slices.Delete(d.ids, n, n+1)
	}
	return append(list, operation{Digest: true})
}

// next draws how long it is until the next round.
func (d *drawer) next() time.Duration {
	longest := 2 * time.Hour
	if d.random.IntN(3) == 0 {
		longest = 60 * time.Hour
	}
	return time.Duration(1 + d.random.Int64N(int64(longest))).Round(time.Microsecond)
}

func (d *drawer) operation(lane int) operation {
	switch n := d.random.IntN(100); {
	case n < 25:
		return operation{Observe: d.observations(own(lane))}
	case n < 50:
		return operation{Observe: d.observations(d.system())}
	case n < 65:
		return operation{Restate: d.statement()}
	case n < 72:
		from, _ := d.outage()
		return operation{Correct: &slo.Correction{
			ID: fmt.Sprint("correction-", d.random.IntN(9)), Rev: d.rev(), SystemID: d.system(), From: from, Until: from.Add(time.Hour),
			Health: pick(d.random, slo.Healthy, slo.Unhealthy), Reason: "it was so",
		}}
	case n < 79:
		start, _ := d.outage()
		return operation{Maintain: &slo.Maintenance{
			ID: fmt.Sprint("maintenance-", d.random.IntN(9)), Rev: d.rev(), SystemID: d.system(), Start: start,
			End: start.Add(d.length(12 * time.Hour)), Cancelled: d.random.IntN(4) == 0,
		}}
	case n < 84:
		on := pick(d.random, []string{"db"}, []string{"db", "queue"}, []string{"mail"}, nil)
		return operation{Depend: &dependence{pick(d.random, "api", "web"), on, d.past()}}
	case n < 88:
		if o := d.extra(); o != nil {
			return operation{Ensure: o}
		}
	case n < 93:
		if id := d.ids[d.random.IntN(len(d.ids))]; (id == own(lane) || !strings.HasPrefix(id, "own-")) && d.take(id) {
			return operation{Update: &update{id, pick(d.random, 90.0, 95, 99, 99.9), d.random.IntN(4) == 0}}
		}
	case n < 96:
		return operation{Daily: true}
	}
	return operation{Observe: d.observations(d.system())}
}

// take takes an objective for the one operation of the round that changes it.
func (d *drawer) take(id string) bool {
	free := !d.busy[id]
	d.busy[id] = true
	return free
}

func isExtra(id string) bool { return id[0] == '+' }

// extra is an objective that is new, or has other terms. nil: the one that was drawn has had its operation.
func (d *drawer) extra() *slo.Objective {
	n := d.random.IntN(6)
	o := &slo.Objective{
		ID: fmt.Sprint("+", n), SystemID: systems[n%len(systems)], Target: pick(d.random, 90.0, 99, 99.5),
		Window: pick(d.random, slo.Days(3), slo.Days(14), slo.Calendar(slo.Month, time.UTC)),
	}
	if !d.take(o.ID) {
		return nil
	}
	if !slices.Contains(d.ids, o.ID) {
		d.ids = append(d.ids, o.ID)
		d.take(o.ID) // whether it is there when another lane would update it, nobody knows
	}
	return o
}

func (d *drawer) system() string {
	if d.random.IntN(40) == 0 {
		return systems[len(systems)-1]
	}
	return pick(d.random, systems[:len(systems)-1]...)
}

// rev is a revision that nobody else uses: now and then an old one, which comes late.
func (d *drawer) rev() int64 {
	for {
		d.count++
		rev := d.count
		if d.random.IntN(6) == 0 {
			rev -= d.random.Int64N(d.count)
		}
		rev = 1000*rev + d.count%1000
		if !d.revs[rev] {
			d.revs[rev] = true
			return rev
		}
	}
}

// past is an instant up to now: mostly of the last hours, now and then of weeks ago, so that what is recorded must be judged
// again.
func (d *drawer) past() time.Time {
	longest := 3 * time.Hour
	switch d.random.IntN(20) {
	case 0:
		longest = 20 * 24 * time.Hour
	case 1, 2, 3:
		longest = 48 * time.Hour
	case 4, 5, 6:
		return d.now
	}
	return d.now.Add(-d.length(longest))
}

func (d *drawer) length(longest time.Duration) time.Duration {
	return time.Duration(1+d.random.Int64N(longest.Microseconds())) * time.Microsecond
}

// outage is a time that ends by now.
func (d *drawer) outage() (from, until time.Time) {
	until = d.past()
	return until.Add(-d.length(20 * time.Minute)), until
}

func (d *drawer) observations(system string) []slo.Observation {
	var list []slo.Observation
	for range 1 + d.random.IntN(3) {
		down := slo.Observation{SystemID: system, Health: pick(d.random, slo.Unhealthy, slo.Unhealthy, slo.Degraded, slo.Unknown)}
		if d.random.IntN(4) == 0 {
			down.CheckID = "http"
		}
		if d.random.IntN(4) == 0 {
			down.Impact = 0.25
		}
		up := slo.Observation{SystemID: system, CheckID: down.CheckID, Health: slo.Healthy}
		down.At, up.At = d.outage()
		list = append(list, down)
		if d.random.IntN(8) > 0 { // else it goes on until the next word
			list = append(list, up)
		}
	}
	return list
}

func (d *drawer) statement() *slo.Statement {
	s := &slo.Statement{Source: fmt.Sprint("incident-", d.random.IntN(9)), Rev: d.rev()}
	for range d.random.IntN(4) {
		outage := slo.Outage{SystemID: d.system()}
		if d.random.IntN(3) == 0 {
			outage.UpstreamID = "db"
		}
		if outage.UpstreamID == outage.SystemID {
			outage.UpstreamID = ""
		}
		outage.Start, outage.End = d.outage()
		s.Outages = append(s.Outages, outage)
	}
	return s
}

// withheld is told to the processes alone, where the comparison is to fail.
func withheld() operation {
	return operation{Restate: &slo.Statement{Source: "withheld", Rev: 1, Outages: []slo.Outage{
		{SystemID: "queue", Start: dawn.Add(-3 * time.Hour), End: dawn.Add(-2 * time.Hour)},
	}}}
}

func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }
