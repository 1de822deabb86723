package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// judged is an objective's timeline, and what it was made of.
type judged struct {
	id        string
	system    string
	created   time.Time
	revisions []slo.Revision
	timeline  *slo.Timeline
	keys      []storage.VersionKey // the objective, its system, its upstreams by ID
	versions  []int64
	open      []string // those of the systems whose feed was open at its last word

	// A timeline that can be extended holds the histories that it was made of, too. Others have none.
	histories []*slo.SystemHistory

	// growing is held while the timeline is extended, or one that was made of it, or of which it was made.
	growing *sync.Mutex
}

// mode says what a load is for.
type mode int

const (
	asking  mode = iota // keep the timelines; MaxStale may save a look at the store
	exact               // keep the timelines: what is recorded or delivered is not asked for again, so it is never stale
	growing             // keep the systems too: they have just been heard of, and will be again
	passing             // keep nothing: it goes over everything
)

// judge returns what the objectives' timelines are at this moment, in the order of ids; nil where there is no such
// objective. Whatever their number it takes the same few calls of the store, each for all. Versions are always read before
// what they are versions of: what is kept is then never newer than it says.
func (e *Engine) judge(ctx context.Context, ids []string, m mode) ([]*judged, error) {
	l := load{engine: e, ctx: ctx, mode: m, ids: ids}
	l.found = e.kept.timelines(ids, l.mode == passing)
	if made := readingOf(ctx).made; made != nil {
		for i, id := range ids {
			if j := made[id]; j != nil {
				l.found[i] = j
			}
		}
	}
	if e.maxStale > 0 && m == asking && !e.inTx(ctx) {
		l.started, l.epoch = time.Now(), e.kept.now()
		l.fresh = e.kept.fresh(l.found, l.started.Add(-e.maxStale))
		if !slices.Contains(l.fresh, false) {
			return l.found, nil
		}
	}
	if err := l.checkVersions(); err != nil {
		return nil, err
	}
	if len(l.stale) > 0 {
		for _, step := range []func() error{l.readObjectives, l.readOwn, l.readUpstreams, l.build, l.writeHistories} {
			if err := step(); err != nil {
				return nil, err
			}
		}
		l.keep()
	}
	if l.fresh != nil {
		e.kept.confirm(l.found, l.epoch, l.started)
	}
	return l.found, nil
}

// inTx reports whether ctx has a transaction, whose own writes nobody has heard of.
func (e *Engine) inTx(ctx context.Context) bool {
	inside := true
	e.store.AfterCommit(ctx, func(context.Context) { inside = false })
	return inside
}

// readingAs says how entities are read inside of the Engine's own writes: in another mode, and from what has just been made
// or read.
type readingAs struct {
	mode  mode
	made  map[string]*judged
	again earliest // the refresher's, whose recorded days are to be judged again
}

type readingKey struct{}

func (r *readingAs) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, readingKey{}, r)
}

func readingOf(ctx context.Context) *readingAs {
	if r, ok := ctx.Value(readingKey{}).(*readingAs); ok {
		return r
	}
	return &readingAs{mode: exact}
}

// one is judge for one objective.
func (e *Engine) one(ctx context.Context, id string) (*judged, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkID("objective", id); err != nil {
		return nil, err
	}
	if j := e.kept.timeline(id); j != nil && e.maxStale == 0 {
		versions, err := e.store.Versions(ctx, j.keys)
		if err != nil {
			return nil, fmt.Errorf("engine: read versions: %w", err)
		}
		if slices.Equal(versions, j.versions) {
			return j, nil
		}
	}
	list, err := e.judge(ctx, []string{id}, asking)
	if err != nil {
		return nil, err
	}
	if list[0] == nil {
		return nil, notFound(id)
	}
	return list[0], nil
}

// load is one run of judge.
type load struct {
	engine *Engine
	ctx    context.Context
	mode   mode
	ids    []string
	found  []*judged // by id; what was kept until it is known to be stale

	// With MaxStale: which of them need not be checked, and since when nothing was heard.
	fresh   []bool
	epoch   int64
	started time.Time

	stale     []int            // which of them must be made anew
	revisions []int64          // of the stale: the versions of the objectives
	goals     []*slo.Objective // of the stale, but for those that are as they were
	versions  map[string]int64 // of systems
	systems   map[string]*system
	read      map[string]*system // with a cache: those of them that were not kept in process
}

// checkVersions finds out which timelines are stale.
func (l *load) checkVersions() error {
	keys := make([]storage.VersionKey, 0, 2*len(l.ids))
	for i, id := range l.ids {
		if l.isFresh(i) {
			continue
		}
		if l.found[i] != nil {
			keys = append(keys, l.found[i].keys...)
		} else {
			keys = append(keys, objectiveVersion(id))
		}
	}
	versions, err := l.engine.store.Versions(l.ctx, keys)
	if err != nil {
		return fmt.Errorf("engine: read versions: %w", err)
	}
	for i := range l.ids {
		if l.isFresh(i) {
			continue
		}
		n := 1
		if j := l.found[i]; j != nil {
			if n = len(j.keys); slices.Equal(versions[:n], j.versions) {
				keys, versions = keys[n:], versions[n:]
				continue
			}
		}
		if l.versions == nil {
			l.versions = map[string]int64{}
		}
		for k := 1; k < n; k++ {
			l.versions[keys[k].ID] = versions[k]
		}
		l.stale, l.revisions = append(l.stale, i), append(l.revisions, versions[0])
		keys, versions = keys[n:], versions[n:]
	}
	return nil
}

func (l *load) isFresh(i int) bool { return l.fresh != nil && l.fresh[i] }

// readObjectives reads the objectives whose timelines are stale, but for those that are known.
func (l *load) readObjectives() error {
	l.goals = make([]*slo.Objective, len(l.stale))
	var keys []storage.Key
	at := map[string][]int{}
	for n, i := range l.stale {
		id := l.ids[i]
		if j := l.found[i]; j != nil && j.versions[0] == l.revisions[n] {
			continue
		}
		l.found[i] = nil
		at[id] = append(at[id], n)
		keys = append(keys, storage.Key{Kind: recordObjective, ID: id})
	}
	if len(keys) == 0 {
		return nil
	}
	var records []storage.Record
	for record, err := range l.engine.store.Get(l.ctx, keys) {
		if err != nil {
			return fmt.Errorf("engine: read objectives: %w", err)
		}
		records = append(records, record)
	}
	errs := make([]error, len(records))
	eachPart(len(records), func(i int) {
		goal, err := readObjective(records[i].Data)
		errs[i] = err
		for _, n := range at[records[i].ID] {
			l.goals[n] = goal
		}
	})
	return errors.Join(errs...)
}

// readOwn reads the systems of the objectives.
func (l *load) readOwn() error {
	l.systems, l.read = map[string]*system{}, map[string]*system{}
	var ids []string
	for n, i := range l.stale {
		switch {
		case l.found[i] != nil:
			ids = append(ids, l.found[i].system)
		case l.goals[n] != nil:
			ids = append(ids, l.goals[n].SystemID)
		}
	}
	return l.readSystems(ids)
}

func (l *load) readUpstreams() error {
	var ids []string
	for _, s := range l.systems {
		ids = append(ids, s.upstreamIDs()...)
	}
	return l.readSystems(ids)
}

// readSystems reads those of the systems that are neither read already nor kept at their present version.
func (l *load) readSystems(ids []string) error {
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return l.systems[id] != nil })
	var unknown []storage.VersionKey
	for _, id := range ids {
		if _, known := l.versions[id]; !known {
			unknown = append(unknown, systemVersion(id))
		}
	}
	if len(unknown) > 0 {
		versions, err := l.engine.store.Versions(l.ctx, unknown)
		if err != nil {
			return fmt.Errorf("engine: read versions: %w", err)
		}
		for i, key := range unknown {
			l.versions[key.ID] = versions[i]
		}
	}
	var missing []string
	var versions []int64
	for _, id := range ids {
		version := l.versions[id]
		if s := l.engine.kept.system(id); s != nil && s.version == version {
			l.systems[id] = s
			continue
		}
		missing, versions = append(missing, id), append(versions, version)
	}
	if l.engine.shared != nil && l.mode != passing && !l.engine.inTx(l.ctx) {
		missing = l.engine.readShared(l.ctx, missing, versions, l.systems)
		versions = versions[:0]
		for _, id := range missing {
			versions = append(versions, l.versions[id])
		}
	}
	read, err := l.engine.readStored(l.ctx, missing, versions)
	maps.Copy(l.systems, read)
	if l.engine.histories != nil {
		maps.Copy(l.read, read)
	}
	return err
}

// alone is up to how many timelines are built, or systems put together, without help.
const alone = 16

// build makes the timelines.
func (l *load) build() error {
	parts := min(runtime.GOMAXPROCS(0), (len(l.stale)+alone-1)/alone)
	if parts == 1 {
		return l.buildPart(0, 1)
	}
	var group errgroup.Group
	for part := range parts {
		group.Go(func() error { return l.buildPart(part, parts) })
	}
	return group.Wait()
}

func (l *load) buildPart(part, parts int) error {
	for n := part; n < len(l.stale); n += parts {
		if err := l.buildOne(n); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) buildOne(n int) error {
	i, goal := l.stale[n], l.goals[n]
	old := l.found[i]
	var j *judged
	switch {
	case old != nil:
		j = &judged{id: old.id, system: old.system, created: old.created, revisions: old.revisions}
	case goal != nil:
		j = &judged{id: goal.ID, system: goal.SystemID, created: goal.CreatedAt, revisions: goal.Revisions}
	default:
		return nil
	}
	own := l.systems[j.system]
	l.stamp(j, l.revisions[n], own, old)
	upstreams := own.upstreams(func(id string) *system { return l.systems[id] })
	var err error
	switch {
	case old != nil && old.histories != nil:
		j.growing = old.growing
		j.growing.Lock()
		j.timeline, err = old.timeline.Extend(own.history, upstreams, own.maintenance)
		j.growing.Unlock()
	case old != nil:
		known := old.timeline.Objective()
		goal = &known
		fallthrough
	default:
		j.growing = &sync.Mutex{}
		j.timeline, err = goal.Timeline(own.history, upstreams, own.maintenance)
	}
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	switch {
	case l.mode == growing || l.engine.kept.system(own.id) == own:
		j.histories = append(j.histories, own.history)
		for _, key := range j.keys[2:] {
			j.histories = append(j.histories, l.systems[key.ID].history)
		}
	case l.mode != passing:
		j.timeline = j.timeline.Compact()
	}
	l.found[i] = j
	return nil
}

// stamp notes what a timeline is made of.
func (l *load) stamp(j *judged, revision int64, own *system, old *judged) {
	ids := own.upstreamIDs()
	if old != nil && old.dependsOn(ids) {
		j.keys = old.keys
	} else {
		j.keys = append(make([]storage.VersionKey, 0, 2+len(ids)), objectiveVersion(j.id), systemVersion(own.id))
		for _, id := range ids {
			j.keys = append(j.keys, systemVersion(id))
		}
	}
	j.versions = append(make([]int64, 0, len(j.keys)), revision, own.version)
	if own.open {
		j.open = append(j.open, own.id)
	}
	for _, id := range ids {
		u := l.systems[id]
		j.versions = append(j.versions, u.version)
		if u.open {
			j.open = append(j.open, id)
		}
	}
}

// dependsOn reports whether the upstreams are these.
func (j *judged) dependsOn(ids []string) bool {
	return slices.EqualFunc(j.keys[2:], ids, func(key storage.VersionKey, id string) bool { return key.ID == id })
}

// keep puts what was made among what is kept. In a transaction it may rest on what is never committed, so it waits for
// that.
func (l *load) keep() {
	if l.mode == passing {
		return
	}
	l.engine.store.AfterCommit(l.ctx, func(context.Context) {
		for _, i := range l.stale {
			if l.found[i] != nil {
				l.engine.kept.putTimeline(l.found[i])
			}
		}
		if l.mode == growing {
			for _, s := range l.systems {
				l.engine.kept.putSystem(s)
			}
		}
	})
}
