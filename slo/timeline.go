package slo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Upstream is a system that the objective's system depends on, directly, in [From, Until). One ID may stand there
// several times, with several intervals; they are united.
type Upstream struct {
	ID, Name    string         // the name is for people; where one ID has several, the greatest as bytes is taken
	From, Until time.Time      // truncated to microseconds; zero From: always was, zero Until: still does
	History     *SystemHistory // of that system, the same wherever its ID stands; nil: nothing is known of it
}

func (u *Upstream) validate(system string) error {
	if err := checkID("upstream", "id", u.ID); err != nil {
		return err
	}
	return about(u.check(system), "upstream", u.ID)
}

func (u *Upstream) check(system string) error {
	switch {
	case u.ID == system:
		return invalid("", "id", u.ID, "another system than the one that depends on it")
	case u.History != nil && u.History.system != u.ID:
		return invalid("", "history of system", u.History.system, "the upstream's own")
	}
	if !u.From.IsZero() {
		if err := checkInstant("", "from", u.From); err != nil {
			return err
		}
	}
	if !u.Until.IsZero() {
		if err := checkInstant("", "until", u.Until); err != nil {
			return err
		}
		if !u.From.IsZero() && micros(u.Until) < micros(u.From) {
			return invalid("", "until", rfc3339(u.Until), "not before from")
		}
	}
	return checkText("", "name", u.Name)
}

func (u *Upstream) interval() interval {
	i := interval{minInstant, forever}
	if !u.From.IsZero() {
		i.start = micros(u.From)
	}
	if !u.Until.IsZero() {
		i.end = micros(u.Until)
	}
	return i
}

// Timeline is an objective applied to what is known: every instant judged, ready to be asked about any window in
// logarithmic time. Asking writes nothing.
//
// The zero Timeline is not one, and its methods panic: make it with [Objective.Timeline]. A Timeline does not change,
// and may be used from any number of goroutines; only calls of Extend on timelines that were made of one another by
// Extend must not run at the same time.
type Timeline struct {
	objective   Objective
	terms       []terms
	causes      []cause // 0: the system itself
	names       sourceNames
	maintenance []interval // that the objective excludes, by time
	sealed      track      // what later words will not change
	tail        track      // the rest, on to what is known ahead
	from        *builder   // where the walk stood at the end of sealed, to go on from; nil: nothing does
}

// cause is who may be to blame.
type cause struct{ id, name string }

// Timeline judges the system's history by the objective: its own terms and those of its revisions. The upstreams are
// those that may be to blame, as the package comment says under Blame; maintenance counts with ExcludeMaintenance,
// windows of other systems matter for their Rev alone. It takes linear time, and keeps none of the slices.
//
// The error matches [ErrInvalid] where the objective, an upstream or a maintenance window is outside its bounds, the
// history is nil or of another system, or the system depends on itself, and [ErrConflict] where two different
// maintenance windows have one ID and one Rev.
func (o Objective) Timeline(h *SystemHistory, upstreams []Upstream, maintenance []Maintenance) (*Timeline, error) {
	terms, err := o.terms()
	if err != nil {
		return nil, err
	}
	tl := &Timeline{objective: o.clone(), terms: terms}
	var b builder
	if err := b.begin(tl, h, upstreams, maintenance); err != nil {
		return nil, err
	}
	tl.build(&b)
	return tl, nil
}

// Objective returns the objective that the timeline judges by. It shares no memory with the timeline.
func (tl *Timeline) Objective() Objective { return tl.objective.clone() }

// Extend returns what Objective().Timeline would for these histories, upstreams and maintenance windows. Where they are
// the ones that tl was made of, or were made of them by adding observations, and none of those is more than five minutes
// older than the newest word of any feed, then what is known already is kept, and Extend costs no more for a long history
// than for a short one. All else, such as a history read from its binary form, another edge or a maintenance window, is
// judged anew from the beginning. The errors are those of [Objective.Timeline].
func (tl *Timeline) Extend(h *SystemHistory, upstreams []Upstream, maintenance []Maintenance) (*Timeline, error) {
	next := &Timeline{objective: tl.objective, terms: tl.terms}
	var b builder
	if err := b.begin(next, h, upstreams, maintenance); err != nil {
		return nil, err
	}
	if tl.from == nil || !tl.goesOn(&b) {
		next.build(&b)
		return next, nil
	}
	b.goOn(tl.from)
	next.sealed = tl.sealed
	next.sealed.own()
	next.finish(&b)
	return next, nil
}

// goesOn reports whether what tl has sealed is as a timeline built from b would have it.
func (tl *Timeline) goesOn(b *builder) bool {
	old := tl.from
	same := slices.Equal(old.maintenance.list, b.maintenance.list) && len(old.upstreams) == len(b.upstreams) &&
		slices.Equal(tl.causes, b.causes) && old.own.growsTo(&b.own, old.frontier) &&
		old.own.sweep.only == b.own.sweep.only
	for i := 0; same && i < len(old.upstreams); i++ {
		was, is := &old.upstreams[i], &b.upstreams[i]
		same = was.cause == is.cause && slices.Equal(was.edges.list, is.edges.list) && was.growsTo(&is.systemWalk, old.frontier)
	}
	return same
}

// build judges everything, from the beginning.
func (tl *Timeline) build(b *builder) {
	tl.sealed = newTrack(len(b.causes), b.own.ahead(), nil)
	tl.sealed.lineage = new(int)
	tl.finish(b)
	tl.sealed.shrink()
}

// late is how much older than the newest a word may be that a timeline is extended with; feeds do not wait for one
// another.
const late = int64(5 * time.Minute / time.Microsecond)

// finish walks on to where words may still come, which seals what lies before, and from there to the end of what is
// known.
func (tl *Timeline) finish(b *builder) {
	tl.causes, tl.names, tl.maintenance = b.causes, b.own.history.sourceNames(), b.maintenance.list
	b.frontier = b.lastWord() - late
	b.run(&tl.sealed, b.frontier)
	tl.from = b.stopped()
	tl.tail = newTrack(len(b.causes), b.own.ahead(), tl.sealed.sum)
	b.finish(&tl.tail)
	tl.tail.shrink()
	for _, t := range tl.tracks() {
		t.setPeaks(tl.finalWeight())
	}
	tl.sealed.owned()
}

// begin checks what a timeline is to be made of and puts the walks at its beginning.
func (b *builder) begin(tl *Timeline, h *SystemHistory, upstreams []Upstream, maintenance []Maintenance) error {
	if h == nil {
		return tl.about(invalid("", "history", "nil", "the history of "+show(tl.objective.SystemID)))
	}
	if h.system != tl.objective.SystemID {
		return tl.about(invalid("", "history of system", h.system, show(tl.objective.SystemID)))
	}
	b.terms, b.own, b.unseen = tl.terms, newSystemWalk(h, tl.objective.CheckID), dawn
	for i := range upstreams {
		if err := upstreams[i].validate(tl.objective.SystemID); err != nil {
			return err
		}
	}
	b.causes = make([]cause, 1, 1+len(upstreams)+len(h.upstreams)-1)
	if err := b.addUpstreams(upstreams); err != nil {
		return err
	}
	b.addNamed(h)
	if err := b.addMaintenance(h.system, maintenance); err != nil {
		return err
	}
	b.addReadings()
	b.addNever()
	return nil
}

func (b *builder) addUpstreams(upstreams []Upstream) error {
	byID := func(x, y Upstream) int { return strings.Compare(x.ID, y.ID) }
	if !slices.IsSortedFunc(upstreams, byID) {
		upstreams = slices.SortedFunc(slices.Values(upstreams), byID)
	}
	b.upstreams = make([]upstreamWalk, 0, len(upstreams))
	edges := make([]interval, 0, len(upstreams))
	for len(upstreams) > 0 {
		n := 1
		for n < len(upstreams) && upstreams[n].ID == upstreams[0].ID {
			n++
		}
		if err := sameHistory(upstreams[:n]); err != nil {
			return err
		}
		b.addUpstream(upstreams[:n], edges[len(edges):len(edges):len(edges)+n])
		edges, upstreams = edges[:len(edges)+n], upstreams[n:]
	}
	return nil
}

func sameHistory(same []Upstream) error {
	var history *SystemHistory
	for i := range same {
		u := &same[i]
		if history != nil && u.History != nil && !u.History.equal(history) {
			return invalid("upstream "+show(u.ID), "history", "another", "the same each time that the upstream stands there")
		}
		history = cmp.Or(history, u.History)
	}
	return nil
}

// addUpstream adds one upstream, given each time that it was one; edges is room for as many.
func (b *builder) addUpstream(same []Upstream, edges []interval) {
	c := cause{id: same[0].ID}
	number := uint32(len(b.causes))
	var history *SystemHistory
	for i := range same {
		u := &same[i]
		c.name = max(c.name, u.Name)
		edges = append(edges, u.interval())
		if u.History != nil {
			history = u.History
		}
	}
	b.causes = append(b.causes, c)
	if history != nil {
		walk := upstreamWalk{systemWalk: newSystemWalk(history, ""), cause: number}
		walk.edges.list = union(edges)
		b.upstreams = append(b.upstreams, walk)
	}
}

// addNamed gives each upstream that the history's sources name its place among the causes.
func (b *builder) addNamed(h *SystemHistory) {
	if len(h.upstreams) == 1 {
		return // nobody is named
	}
	b.named = make([]uint32, len(h.upstreams))
	graph := len(b.causes)
	for i, id := range h.upstreams {
		if i == 0 {
			continue
		}
		at, found := slices.BinarySearchFunc(b.causes[:graph], id, func(c cause, id string) int { return strings.Compare(c.id, id) })
		if !found {
			at = len(b.causes)
			b.causes = append(b.causes, cause{id: id})
		}
		b.named[i] = uint32(at)
	}
}

func (b *builder) addMaintenance(system string, maintenance []Maintenance) error {
	if len(maintenance) == 0 {
		return nil
	}
	for i := range maintenance {
		if err := maintenance[i].Validate(); err != nil {
			return err
		}
	}
	latest, err := latestRevisions(maintenance, func(m *Maintenance) (string, int64) { return m.ID, m.Rev },
		func(x, y *Maintenance) bool { return x.canonical() == y.canonical() }, "maintenance")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(b.terms, func(t terms) bool { return t.excludeMaintenance }) {
		return nil
	}
	for _, m := range latest {
		if m.SystemID == system && !m.Cancelled {
			b.maintenance.list = append(b.maintenance.list, interval{micros(m.Start), micros(m.End)})
		}
	}
	b.maintenance.list = union(b.maintenance.list)
	return nil
}

func (b *builder) addReadings() {
	for i := range b.terms {
		b.readings[b.terms[i].reading.number()] = true
	}
}

// addNever finds the upstreams that are no excuse among the causes.
func (b *builder) addNever() {
	if !slices.ContainsFunc(b.terms, func(t terms) bool { return len(t.never) > 0 }) {
		return
	}
	b.never = make([][]bool, len(b.terms))
	for i := range b.terms {
		b.never[i] = make([]bool, len(b.causes))
		for j, c := range b.causes[1:] {
			_, b.never[i][j+1] = slices.BinarySearch(b.terms[i].never, c.id)
		}
	}
}
