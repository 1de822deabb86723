package slo

import (
	"cmp"
	"fmt"
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

func (u Upstream) validate(system string) error {
	if err := checkID("upstream", "id", u.ID); err != nil {
		return err
	}
	what := "upstream " + show(u.ID)
	switch {
	case u.ID == system:
		return invalid(what, "id", u.ID, "another system than the one that depends on it")
	case u.History != nil && u.History.system != u.ID:
		return invalid(what, "history of system", u.History.system, "the upstream's own")
	}
	if !u.From.IsZero() {
		if err := checkInstant(what, "from", u.From); err != nil {
			return err
		}
	}
	if !u.Until.IsZero() {
		if err := checkInstant(what, "until", u.Until); err != nil {
			return err
		}
		if !u.From.IsZero() && micros(u.Until) < micros(u.From) {
			return invalid(what, "until", rfc3339(u.Until), "not before from")
		}
	}
	return checkText(what, "name", u.Name)
}

func (u Upstream) interval() interval {
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
	objective Objective
	terms     []terms
	causes    []cause // 0: the system itself
	sealed    track   // what later words will not change
	tail      track   // the rest, on to what is known ahead
	from      builder // where the walk stood at the end of sealed, to go on from
	names     sourceNames
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
	b, err := tl.newBuilder(h, upstreams, maintenance)
	if err != nil {
		return nil, err
	}
	tl.build(b)
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
	b, err := next.newBuilder(h, upstreams, maintenance)
	if err != nil {
		return nil, err
	}
	if !tl.goesOn(b) {
		next.build(b)
		return next, nil
	}
	resumed := tl.from.clone()
	resumed.take(b)
	next.sealed = tl.sealed
	next.sealed.own()
	next.finish(&resumed)
	return next, nil
}

// goesOn reports whether what tl has sealed is as a timeline built from b would have it.
func (tl *Timeline) goesOn(b *builder) bool {
	old := &tl.from
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
	tl.sealed = newTrack(len(b.causes), b.own.words/2, nil)
	tl.finish(b)
	tl.sealed.shrink()
}

// late is how much older than the newest a word may be that a timeline is extended with; feeds do not wait for one
// another.
const late = int64(5 * time.Minute / time.Microsecond)

// finish walks on to where words may still come, which seals what lies before, and from there to the end of what is
// known.
func (tl *Timeline) finish(b *builder) {
	tl.causes, tl.names = b.causes, b.own.history.sourceNames()
	b.frontier = b.lastWord() - late
	b.run(&tl.sealed, b.frontier)
	tl.from = b.clone()
	tl.from.forget()
	tl.tail = newTrack(len(b.causes), len(b.own.history.outages)-b.own.sweep.position.outage, tl.sealed.sum)
	b.finish(&tl.tail)
	tl.tail.shrink()
	for _, t := range tl.tracks() {
		t.setPeaks(tl.finalWeight())
	}
	tl.sealed.owned()
}

// newBuilder checks what a timeline is to be made of and puts the walks at its beginning.
func (tl *Timeline) newBuilder(h *SystemHistory, upstreams []Upstream, maintenance []Maintenance) (*builder, error) {
	what := fmt.Sprintf("objective %s", show(tl.objective.ID))
	if h == nil {
		return nil, invalid(what, "history", "nil", "the history of "+show(tl.objective.SystemID))
	}
	if h.system != tl.objective.SystemID {
		return nil, invalid(what, "history of system", h.system, show(tl.objective.SystemID))
	}
	b := &builder{terms: tl.terms, own: newSystemWalk(h, tl.objective.CheckID), causes: []cause{{}}, unseen: dawn}
	for _, u := range upstreams {
		if err := u.validate(tl.objective.SystemID); err != nil {
			return nil, err
		}
	}
	if err := b.addUpstreams(upstreams); err != nil {
		return nil, err
	}
	b.addNamed(h)
	if err := b.addMaintenance(h.system, maintenance); err != nil {
		return nil, err
	}
	b.addReadings()
	return b, nil
}

func (b *builder) addUpstreams(upstreams []Upstream) error {
	sorted := slices.Clone(upstreams)
	slices.SortFunc(sorted, func(x, y Upstream) int { return strings.Compare(x.ID, y.ID) })
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].ID == sorted[0].ID {
			n++
		}
		if err := sameHistory(sorted[:n]); err != nil {
			return err
		}
		b.addUpstream(sorted[:n])
		sorted = sorted[n:]
	}
	return nil
}

func sameHistory(same []Upstream) error {
	var history *SystemHistory
	for _, u := range same {
		if history != nil && u.History != nil && !u.History.equal(history) {
			return invalid("upstream "+show(u.ID), "history", "another", "the same each time that the upstream stands there")
		}
		history = cmp.Or(history, u.History)
	}
	return nil
}

// addUpstream adds one upstream, given each time that it was one.
func (b *builder) addUpstream(same []Upstream) {
	c := cause{id: same[0].ID}
	w := upstreamWalk{cause: uint32(len(b.causes))}
	var history *SystemHistory
	for _, u := range same {
		c.name = max(c.name, u.Name)
		w.edges.list = append(w.edges.list, u.interval())
		if u.History != nil {
			history = u.History
		}
	}
	b.causes = append(b.causes, c)
	if history == nil {
		return
	}
	w.edges.list = union(w.edges.list)
	w.systemWalk = newSystemWalk(history, "")
	b.upstreams = append(b.upstreams, w)
}

// addNamed gives each upstream that the history's sources name its place among the causes.
func (b *builder) addNamed(h *SystemHistory) {
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
	for _, m := range maintenance {
		if err := m.Validate(); err != nil {
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
	for _, t := range b.terms {
		i := slices.Index(b.readings, t.reading)
		if i < 0 {
			i = len(b.readings)
			b.readings = append(b.readings, t.reading)
		}
		b.readingOf = append(b.readingOf, i)
		excused := make([]bool, len(b.causes))
		for j, c := range b.causes[1:] {
			_, excused[j+1] = slices.BinarySearch(t.never, c.id)
		}
		b.excused = append(b.excused, excused)
	}
}
