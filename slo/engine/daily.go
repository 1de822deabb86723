package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// RunDaily records, for each objective, each whole UTC day that has ended by now and is not recorded yet, or has become
// another since, and each system's achievements. It first waits for what is touched to be refreshed. Days that were missed
// are made up for: the rows are the same as if it had run every night. Running it twice, or in several processes at once,
// changes nothing more, and for an instant that is past it takes nothing back.
//
// What fails for one system does not keep it from the others; the errors are joined. ErrInvalid: an instant before 1970 or
// more than a minute after the Engine's now.
func (e *Engine) RunDaily(ctx context.Context, now time.Time) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkInstant("now", now); err != nil {
		return err
	}
	if err := e.happened("now", now); err != nil {
		return err
	}
	touched, err := e.awaitTouched(ctx)
	if err != nil {
		return err
	}
	today, err := streak.DateOf(now)
	if err != nil {
		return fmt.Errorf("%w: now: %w", ErrInvalid, err)
	}
	last, err := today.Add(-1)
	if err != nil { // nothing has ended on the first day of all
		return nil
	}
	var failed []error
	var before *daily // it is judged and written while the next one is read, and in its turn
	for groups, err := range e.groups(ctx) {
		if err != nil {
			failed = append(failed, err)
			break
		}
		job := &daily{engine: e, last: last, touched: touched, groups: groups}
		job.start(ctx)
		if before != nil {
			failed = append(failed, before.finish(ctx)...)
		}
		before = job
	}
	if before != nil {
		failed = append(failed, before.finish(ctx)...)
	}
	return errors.Join(failed...)
}

// awaitTouched waits for what is touched to be refreshed. In a transaction, which has touched what nobody else sees, it
// returns the first day that may be another.
func (e *Engine) awaitTouched(ctx context.Context) (first streak.Date, err error) {
	if e.inTx(ctx) {
		return e.firstTouched(ctx)
	}
	return streak.Date{}, e.refreshed(ctx)
}

// groups lists the systems that have objectives, a page of objectives at a time.
func (e *Engine) groups(ctx context.Context) iter.Seq2[[]*group, error] {
	return func(yield func([]*group, error) bool) {
		var groups []*group
		objectives := 0
		for member, err := range e.records(ctx, storage.Range{Kind: recordMember}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if n := len(groups); n > 0 && groups[n-1].system == member.ID {
				groups[n-1].ids = append(groups[n-1].ids, member.Sub)
				objectives++
				continue
			}
			if objectives >= page {
				if !yield(groups, nil) {
					return
				}
				groups, objectives = nil, 0
			}
			groups = append(groups, &group{system: member.ID, ids: []string{member.Sub}})
			objectives++
		}
		if len(groups) > 0 {
			yield(groups, nil)
		}
	}
}

// daily is the job over some systems.
type daily struct {
	engine  *Engine
	last    streak.Date // the last day that is to be recorded
	now     time.Time   // until when outages are looked at; zero: the end of that day
	touched streak.Date // the first day that may be another, but is not yet noted to be; zero: there is none
	groups  []*group
	reading chan error
}

// group is a system with its objectives, and what the job makes of it.
type group struct {
	system string
	ids    []string
	goals  []*goal
	earned map[streak.Type]earned
	from   streak.Date // the first day to be judged
	last   streak.Date // the last one: of what is recorded nothing is taken back
	rows   []storage.Record
	gone   []storage.Key
	err    error
}

// goal is an objective in the job.
type goal struct {
	*judged
	progress progress // as it was read
	after    progress // as it is going to be
	first    streak.Date
	before   streak.Streak // before from
	days     []streak.Day
	standing []slo.Status // at the end of each day from the group's first on
}

// rounds is how often a group that others write to meanwhile is judged again.
const rounds = 100

// run is start and finish.
func (d *daily) run(ctx context.Context) []error {
	d.start(ctx)
	return d.finish(ctx)
}

// start begins to read what judging the groups needs.
func (d *daily) start(ctx context.Context) {
	d.reading = make(chan error, 1)
	go func() { d.reading <- d.read(ctx, d.groups) }()
}

// finish judges the groups, and writes what has become of them. A group to which others have written meanwhile is judged
// again.
func (d *daily) finish(ctx context.Context) []error {
	err, groups := <-d.reading, d.groups
	var failed []error
	for range rounds {
		if err != nil {
			return append(failed, err)
		}
		var left []*group
		for len(groups) > 0 {
			part := groups[:together(groups)]
			groups = groups[len(part):]
			d.judge(part)
			var ready []*group
			for _, g := range part {
				if g.err != nil {
					failed = append(failed, fmt.Errorf("engine: daily job: system %s: %w", quote(g.system), g.err))
				} else if len(g.rows) > 0 || len(g.gone) > 0 {
					ready = append(ready, g)
				}
			}
			again, err := d.write(ctx, ready)
			if err != nil {
				return append(failed, err)
			}
			left = append(left, again...)
			clear(part) // a catch-up makes many rows
		}
		if groups = left; len(groups) == 0 {
			return failed
		}
		err = d.read(ctx, groups)
	}
	return append(failed, fmt.Errorf("%w: daily job: others write to %d systems all the time", storage.ErrConflict, len(groups)))
}

// most is about how many days of objectives are judged and written together.
const most = 20_000

// together is how many of the groups are.
func together(groups []*group) int {
	days := 0
	for n, g := range groups {
		if days += len(g.goals) * (g.last.Sub(g.from) + 1); n > 0 && days > most {
			return n
		}
	}
	return len(groups)
}

// read brings all that judging needs, with a fixed number of calls of the store.
func (d *daily) read(ctx context.Context, groups []*group) error {
	e := d.engine
	var ids, systems []string
	for _, g := range groups {
		*g = group{system: g.system, ids: g.ids, earned: map[streak.Type]earned{}}
		ids = append(ids, g.ids...)
		systems = append(systems, g.system)
	}
	list, err := e.judge(ctx, ids, passing)
	if err != nil {
		return err
	}
	progress, err := e.progress(ctx, ids)
	if err != nil {
		return err
	}
	var keys []storage.Key
	for _, g := range groups {
		for range g.ids {
			if j := list[0]; j != nil {
				g.goals = append(g.goals, &goal{judged: j, progress: progress[j.id]})
			}
			list = list[1:]
		}
		d.begin(g)
		keys = append(keys, g.daysBefore()...)
	}
	before := map[string]streak.Streak{}
	if len(keys) > 0 {
		for record, err := range e.store.Get(ctx, keys) {
			if err != nil {
				return fmt.Errorf("engine: read days: %w", err)
			}
			day, err := readDay(record.Data)
			if err != nil {
				return err
			}
			before[day.ObjectiveID] = day.Streak
		}
	}
	for _, g := range groups {
		for _, goal := range g.goals {
			if goal.needsDayBefore(g.from) {
				goal.before = before[goal.id]
			} else if goal.first.Before(g.from) {
				goal.before = goal.progress.Streak
			}
		}
	}
	return e.addEarned(ctx, systems, groups)
}

// begin finds the first day to be judged: of all objectives of the system the same, since its achievements look at all.
func (d *daily) begin(g *group) {
	g.last = d.last
	for _, goal := range g.goals {
		if through := goal.progress.Through; through.After(g.last) {
			g.last = through
		}
	}
	g.from, _ = g.last.Add(1)
	for _, goal := range g.goals {
		born, err := streak.DateOf(goal.created)
		if err != nil {
			g.err = err
			return
		}
		goal.first = born
		if goal.created.After(born.Start()) {
			goal.first, err = born.Add(1)
		}
		from := born
		if p := &goal.progress; !p.Through.IsZero() && err == nil {
			if from, err = p.Through.Add(1); !p.Dirty.IsZero() {
				from = p.Dirty
			}
			if !d.touched.IsZero() && d.touched.Before(from) {
				from = d.touched
			}
		}
		if err != nil {
			g.err = err
			return
		}
		if from.Before(born) {
			from = born
		}
		if from.Before(g.from) {
			g.from = from
		}
	}
}

// needsDayBefore reports whether the streak goes on from a day that is recorded and not the last.
func (g *goal) needsDayBefore(from streak.Date) bool {
	return g.first.Before(from) && !g.progress.LastDay.Before(from)
}

func (g *group) daysBefore() []storage.Key {
	var keys []storage.Key
	for _, goal := range g.goals {
		if goal.needsDayBefore(g.from) {
			day, _ := g.from.Add(-1)
			keys = append(keys, storage.Key{Kind: recordDay, ID: goal.id, Sub: day.String()})
		}
	}
	return keys
}

// judge judges the groups side by side. The host's rules may end the goroutines that do it.
func (d *daily) judge(groups []*group) {
	var taken atomic.Int64
	for taken.Load() < int64(len(groups)) {
		var work sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			work.Go(func() {
				for i := taken.Add(1); i <= int64(len(groups)); i = taken.Add(1) {
					if g := groups[i-1]; g.err == nil {
						d.judgeGroup(g)
					}
				}
			})
		}
		work.Wait()
	}
}

var errGoexit = errors.New("a rule of the host ended its goroutine")

// judgeGroup judges one system. The host's rules may panic.
func (d *daily) judgeGroup(g *group) {
	g.err = errGoexit
	defer caught(&g.err)
	g.err = d.makeRows(g)
}

// makeRows makes the rows of one system.
func (d *daily) makeRows(g *group) error {
	if g.from.After(g.last) && d.now.IsZero() {
		return nil
	}
	for _, goal := range g.goals {
		if err := d.judgeDays(g, goal); err != nil {
			return err
		}
	}
	return d.judgeAchievements(g)
}

// judgeDays judges the days of one objective from the group's first on.
func (d *daily) judgeDays(g *group, goal *goal) error {
	if g.from.After(g.last) {
		return nil
	}
	goal.after = progress{Streak: goal.before, Through: g.last}
	goal.standing = make([]slo.Status, 0, g.last.Sub(g.from)+1)
	stamps := goal.stamps()
	tomorrow, err := g.last.Add(1)
	if err != nil {
		return err
	}
	for date := range streak.Dates(g.from, tomorrow) {
		st := goal.timeline.StatusUntil(date.End())
		goal.standing = append(goal.standing, st)
		if date.Before(goal.first) {
			continue
		}
		standing := streak.Standing{
			Day: streak.Day{
				ObjectiveID: goal.id, Date: date, Availability: st.Availability, BudgetConsumed: st.Budget.Consumed,
				RemainingPercent: st.Budget.RemainingPercent, BurnRate: st.BurnRate, Revision: goal.versions[0], Histories: stamps,
			},
			Breaching: st.Breaching, Down: st.Down,
		}
		day, err := standing.Record(goal.after.Streak, d.engine.outcome)
		if err != nil {
			return err
		}
		goal.after.Streak = day.Streak
		goal.days = append(goal.days, day)
		row, err := dayRecord(&day)
		if err != nil {
			return err
		}
		g.rows = append(g.rows, row)
	}
	g.rows = append(g.rows, goal.after.record(goal.id))
	return nil
}

// write writes the rows of groups in one transaction, and returns those to which others have written since they were read.
func (d *daily) write(ctx context.Context, groups []*group) (again []*group, err error) {
	e := d.engine
	if len(groups) == 0 {
		return nil, nil
	}
	made := map[string]*judged{}
	var ids []string
	for _, g := range groups {
		for _, goal := range g.goals {
			ids = append(ids, goal.id)
			made[goal.id] = goal.judged
		}
	}
	as := readingAs{mode: passing, made: made}
	_, err = e.slos.MutateMany(as.in(ctx), ids, func(ctx context.Context) error {
		var err error
		var current []*group
		if current, again, err = d.current(ctx, ids, groups); err != nil {
			return err
		}
		var rows []storage.Record
		var gone []storage.Key
		for _, g := range current {
			rows, gone = append(rows, g.rows...), append(gone, g.gone...)
		}
		return e.putTrophies(ctx, current, rows, gone)
	}, nil)
	if errors.Is(err, storage.ErrConflict) {
		return groups, nil
	}
	return again, err
}

// current tells groups that are still as they were read from those that are not, in the transaction that has locked their
// objectives: what is written about them later is judged later.
func (d *daily) current(ctx context.Context, ids []string, groups []*group) (current, again []*group, err error) {
	e := d.engine
	progress, err := e.progress(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var keys []storage.VersionKey
	for _, g := range groups {
		for _, goal := range g.goals {
			keys = append(keys, goal.keys...)
		}
	}
	versions, err := e.store.Versions(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("engine: read versions: %w", err)
	}
	earned, err := e.lockEarned(ctx, achieving(groups))
	if err != nil {
		return nil, nil, err
	}
	for _, g := range groups {
		now, known := earned[g.system]
		same := !known || maps.Equal(now, g.earned)
		for _, goal := range g.goals {
			n := len(goal.keys)
			same = same && progress[goal.id] == goal.progress && slices.Equal(versions[:n], goal.versions)
			versions = versions[n:]
		}
		if same {
			current = append(current, g)
		} else {
			again = append(again, g)
		}
	}
	return current, again, nil
}
