package crashtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

// deed is what an operation does.
type deed string

const (
	tells    deed = "tells"    // the engine something, in a transaction of the engine's
	mutates  deed = "mutates"  // an account
	removes  deed = "removes"  // an account, or makes it where there is none
	both     deed = "both"     // mutates an account and tells, in one transaction
	resets   deed = "resets"   // mutates an account, deletes the worker's own system, and makes it anew, in one transaction
	creates  deed = "creates"  // an objective on the worker's own system
	deletes  deed = "deletes"  // such an objective
	daily    deed = "daily"    // runs the daily job
	digests  deed = "digests"  // makes the week's digest
	repeated deed = "repeated" // tells again what was told already
)

// op is one thing that a worker does. It is printed before it is tried, and what it does follows from it alone.
type op struct {
	ID string
	Do deed
	At time.Time

	Account   string `json:",omitempty"` // that it mutates
	Own       string `json:",omitempty"` // the worker's own system, where it is about that
	Objective string `json:",omitempty"` // that it makes or deletes

	// What it tells; one of these.
	Observations []slo.Observation `json:",omitempty"`
	Statement    *slo.Statement    `json:",omitempty"`
	Correction   *slo.Correction   `json:",omitempty"`
	Maintenance  *slo.Maintenance  `json:",omitempty"`
	Upstreams    *upstreams        `json:",omitempty"`
}

// upstreams is what a system depends on from an instant on.
type upstreams struct {
	System string
	On     []string
	At     time.Time
}

// makes reports whether it makes an objective.
func (o *op) makes() bool { return o.Do == creates || o.Do == resets }

// tell tells an engine what is to be told.
func (o *op) tell(ctx context.Context, e *engine.Engine) error {
	switch {
	case len(o.Observations) > 0:
		return e.Observe(ctx, o.Observations...)
	case o.Statement != nil:
		return e.Restate(ctx, *o.Statement)
	case o.Correction != nil:
		return e.Correct(ctx, *o.Correction)
	case o.Maintenance != nil:
		return e.SetMaintenance(ctx, *o.Maintenance)
	case o.Upstreams != nil:
		return e.SetUpstreams(ctx, o.Upstreams.System, o.Upstreams.On, o.Upstreams.At)
	}
	return nil
}

// The systems that all workers tell of. There is seldom anything wrong with the last one, so that something is achieved.
var systems = []string{"api", "db", "web", "cache"}

const accounts = 5

// dawn is when the first worker's first day begins.
var dawn = time.Date(2025, time.January, 28, 0, 0, 0, 0, time.UTC)

// objectives are those that are there from the beginning.
func objectives() []slo.Objective {
	goal := func(id, system string, target float64, window slo.Window, exclusion slo.DependencyExclusion) slo.Objective {
		return slo.Objective{
			ID: id, SystemID: system, Target: target, Window: window, DependencyExclusion: exclusion, ExcludeMaintenance: true, CreatedAt: dawn,
		}
	}
	return []slo.Objective{
		goal("api-month", "api", 95, slo.Days(30), slo.SelfOnly),
		goal("api-week", "api", 90, slo.Calendar(slo.Week, time.UTC), slo.Strict),
		goal("cache-month", "cache", 99.9, slo.Days(30), slo.Strict),
		goal("db-day", "db", 97, slo.Days(1), slo.Strict),
		goal("web-month", "web", 99, slo.Calendar(slo.Month, time.UTC), slo.SelfOnly),
	}
}

// later is an objective that a worker makes.
func later(o *op) slo.Objective {
	return slo.Objective{ID: o.Objective, SystemID: o.Own, Target: 99, Window: slo.Days(3), CreatedAt: o.At}
}

// drawer draws operations for one worker.
type drawer struct {
	random *rand.Rand
	worker int
	prefix string // of IDs
	count  int
	own    string
	extra  []string // objectives that it has made and not deleted
	told   []op     // some that may be repeated
}

func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

// draw draws what is to be done at an instant.
func (d *drawer) draw(now time.Time) op {
	d.count++
	o := op{ID: fmt.Sprint(d.prefix, d.count), At: now, Do: tells}
	n := d.random.IntN(100)
	switch {
	case n < 30:
		o.Observations = d.observations(&o, "")
	case n < 42:
		o.Statement = d.statement(&o)
	case n < 47:
		from := d.past(now)
		o.Correction = &slo.Correction{
			ID: fmt.Sprint("correction-", d.random.IntN(9)), Rev: d.rev(now), SystemID: d.system(), From: from,
			Until: from.Add(time.Hour), Health: pick(d.random, slo.Healthy, slo.Unhealthy), Reason: o.ID,
		}
	case n < 51:
		start := d.past(now)
		o.Maintenance = &slo.Maintenance{
			ID: fmt.Sprint("maintenance-", d.random.IntN(9)), Rev: d.rev(now), SystemID: d.system(), Start: start, End: start.Add(time.Hour),
			Cancelled: d.random.IntN(4) == 0,
		}
	case n < 56:
		on := pick(d.random, []string{"db"}, []string{"cache", "db"}, nil)
		o.Upstreams = &upstreams{pick(d.random, "api", "web"), on, now}
	case n < 72:
		o.Do, o.Account = mutates, d.account()
	case n < 75:
		o.Do, o.Account = removes, d.account()
	case n < 82:
		o.Do, o.Account, o.Observations = both, d.account(), d.observations(&o, "")
	case n < 86:
		o.Own, o.Observations = d.own, d.observations(&o, d.own)
	case n < 88:
		o.Do, o.Account, o.Own, o.Objective = resets, d.account(), d.own, "made-"+o.ID
		o.Observations = []slo.Observation{{SystemID: d.own, At: now, Health: slo.Healthy, Note: o.ID}}
		d.extra = []string{o.Objective}
	case n < 91:
		o.Own = d.own
		if len(d.extra) > 1 {
			o.Do, o.Objective, d.extra = deletes, d.extra[0], d.extra[1:]
		} else {
			o.Do, o.Objective = creates, "made-"+o.ID
			d.extra = append(d.extra, o.Objective)
		}
	case n < 93 && len(d.told) > 0:
		again := pick(d.random, d.told...)
		again.ID, again.Do, again.At = o.ID, repeated, o.At
		return again
	case n < 97:
		o.Do = daily
	default:
		o.Do = digests
	}
	return o
}

func (d *drawer) account() string { return fmt.Sprint("account-", d.random.IntN(accounts)) }

func (d *drawer) system() string {
	if d.random.IntN(40) == 0 {
		return systems[len(systems)-1]
	}
	return pick(d.random, systems[:len(systems)-1]...)
}

// rev is a revision that nobody else uses: now and then an old one, which comes late.
func (d *drawer) rev(now time.Time) int64 {
	if d.random.IntN(6) == 0 {
		now = now.Add(-time.Duration(d.random.Int64N(int64(48 * time.Hour))))
	}
	return now.UnixMicro()*100 + int64(d.worker)
}

// past is an instant up to now: mostly just now, now and then days ago, so that what is recorded must be judged again.
func (d *drawer) past(now time.Time) time.Time {
	back := time.Duration(0)
	switch d.random.IntN(20) {
	case 0:
		back = time.Duration(d.random.Int64N(int64(20 * 24 * time.Hour)))
	case 1, 2, 3:
		back = time.Duration(d.random.Int64N(int64(48 * time.Hour)))
	}
	if at := now.Add(-back).Truncate(time.Microsecond); at.After(dawn) {
		return at
	}
	return dawn
}

// outage is a time that ends by now.
func (d *drawer) outage(now time.Time) (from, until time.Time) {
	until = d.past(now)
	if from = until.Add(-time.Duration(1+d.random.IntN(600)) * time.Second); from.Before(dawn) {
		from = dawn
	}
	return from, until
}

// observations are of one system, or of any. Each is of this operation alone, since its note says so.
func (d *drawer) observations(o *op, system string) []slo.Observation {
	var list []slo.Observation
	for range 1 + d.random.IntN(3) {
		down := slo.Observation{SystemID: system, Health: pick(d.random, slo.Unhealthy, slo.Unhealthy, slo.Degraded, slo.Unknown), Note: o.ID}
		if system == "" {
			down.SystemID = d.system()
		}
		if d.random.IntN(4) == 0 {
			down.CheckID = "http"
		}
		if d.random.IntN(4) == 0 {
			down.Impact = 0.25
		}
		up := slo.Observation{SystemID: down.SystemID, CheckID: down.CheckID, Health: slo.Healthy, Note: o.ID}
		down.At, up.At = d.outage(o.At)
		list = append(list, down)
		if d.random.IntN(8) > 0 { // else it goes on until the next word
			list = append(list, up)
		}
	}
	return list
}

func (d *drawer) statement(o *op) *slo.Statement {
	s := &slo.Statement{Source: fmt.Sprint("incident-", d.random.IntN(9)), Rev: d.rev(o.At)}
	for range d.random.IntN(4) {
		outage := slo.Outage{SystemID: d.system(), Note: o.ID}
		outage.Start, outage.End = d.outage(o.At)
		s.Outages = append(s.Outages, outage)
	}
	return s
}

// done takes note of what may be repeated.
func (d *drawer) done(o op) {
	if o.Do == tells && o.Own == "" && d.random.IntN(4) == 0 {
		d.told = append(d.told, o)
	}
}
