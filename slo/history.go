package slo

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// SystemHistory is all that is known of one system, merged; objectives on the system and on those that depend on it are
// judged from it. Merging is a join: the same facts in any order, repeated or late, make the same history. Notes and
// reasons are for the host; they are checked and not kept.
//
// The zero SystemHistory is of no system, and good only to be unmarshalled into. Any other does not change, and may be
// read from any number of goroutines, MarshalBinary included. Histories that were made of one another by Add share
// memory: only calls of Add on such histories must not run at the same time.
type SystemHistory struct {
	system string

	// What Add may grow stands in arrays that the histories made of one another share. lineage tells them from others, and
	// holds how long the arrays are by now: only the longest history may append in place.
	lineage   *lineage
	words     []word
	checks    []string // names by number; 0 is the system as a whole
	upstreams []string // IDs by number; 0 is none
	ownFrom   int64    // the instant of the first word of the system as a whole; forever: none

	outages     []span // of all sources, per (check, health, upstream) disjoint, by start
	corrections []span // per check disjoint, by start
	sources     []Source
}

// lineage is what the histories made of one another by Add have in common.
type lineage struct {
	lengths
	checks, upstreams map[string]uint32 // of the longest history; nil while its lists are short
}

type lengths struct{ words, checks, upstreams int }

func (h *SystemHistory) check() error {
	if h.lineage == nil {
		return invalid("history", "system", "", "a history that NewSystemHistory made")
	}
	return nil
}

// word is an Observation with its strings as numbers.
type word struct {
	at, seq         int64
	check, upstream uint32
	impact          uint16
	health          Health
}

// span is an interval in which a source other than the feed, or a correction, says how it was.
type span struct {
	start, end              int64
	check, upstream, source uint32
	impact                  uint16
	health                  Health
}

// NewSystemHistory merges what is known of one system. Statements and corrections of other systems are welcome: they
// matter where a revision moved from one system to another. It takes linear time where the observations come sorted by
// time. It keeps none of the slices.
//
// The error matches [ErrInvalid] where a fact is outside its bounds or an observation is of another system, and
// [ErrConflict] where two different statements, or corrections, have one source or ID and one Rev.
func NewSystemHistory(systemID string, observations []Observation, statements []Statement, corrections []Correction) (*SystemHistory, error) {
	if err := checkID("history", "system", systemID); err != nil {
		return nil, err
	}
	h := &SystemHistory{system: systemID}
	names := names{checks: newNameList(), upstreams: newNameList()}
	h.words = make([]word, 0, len(observations))
	for i := range observations {
		w, err := names.word(systemID, &observations[i])
		if err != nil {
			return nil, err
		}
		h.words = append(h.words, w)
	}
	h.words = mergeWords(h.words, names.upstreams.list)
	h.ownFrom = firstOwn(h.words)
	if err := h.mergeStatements(&names, statements); err != nil {
		return nil, err
	}
	if err := h.mergeCorrections(&names, corrections); err != nil {
		return nil, err
	}
	h.checks, h.upstreams = names.checks.list, names.upstreams.list
	h.lineage = &lineage{h.lengths(), names.checks.index, names.upstreams.index}
	return h, nil
}

// SystemID returns the system that it is the history of.
func (h *SystemHistory) SystemID() string { return h.system }

// Add returns the history with these observations merged in; for more statements or corrections, make a history anew
// from all facts. h stays as it is. Where they come at the end, the new history shares what h holds, and Add costs no
// more for a long history than for a short one; where nothing is new, it is h; where they come late, it is put
// together anew. The errors are those of [NewSystemHistory].
func (h *SystemHistory) Add(observations ...Observation) (*SystemHistory, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	names := h.names()
	added := make([]word, 0, 1)
	for i := range observations {
		w, err := names.word(h.system, &observations[i])
		if err != nil {
			return nil, err
		}
		if !slices.Contains(h.at(w.at), w) {
			added = append(added, w)
		}
	}
	if len(added) == 0 {
		return h, nil
	}
	added = mergeWords(added, names.upstreams.list)
	next := *h
	next.ownFrom = min(h.ownFrom, firstOwn(added))
	if h.isLongest() && h.precedes(added) {
		next.words = append(h.words, added...)
		next.checks, next.upstreams = names.checks.list, names.upstreams.list
		*h.lineage = lineage{next.lengths(), names.checks.index, names.upstreams.index}
		return &next, nil
	}
	next.words = mergeWords(slices.Concat(h.words, added), names.upstreams.list)
	next.checks, next.upstreams = slices.Clone(names.checks.list), slices.Clone(names.upstreams.list)
	next.lineage = &lineage{lengths: next.lengths()}
	return &next, nil
}

// names returns lists that more names may be put on without h, or another history, noticing.
func (h *SystemHistory) names() names {
	if !h.isLongest() {
		return names{checks: nameList{list: slices.Clip(h.checks)}, upstreams: nameList{list: slices.Clip(h.upstreams)}}
	}
	return names{
		checks:    nameList{h.checks, h.lineage.checks},
		upstreams: nameList{h.upstreams, h.lineage.upstreams},
	}
}

func (h *SystemHistory) lengths() lengths {
	return lengths{len(h.words), len(h.checks), len(h.upstreams)}
}

// isLongest reports whether the arrays end where h does, so that h may append to them.
func (h *SystemHistory) isLongest() bool { return h.lineage.lengths == h.lengths() }

// at returns h's words of an instant.
func (h *SystemHistory) at(t int64) []word {
	first := sort.Search(len(h.words), func(i int) bool { return h.words[i].at >= t })
	next := first
	for next < len(h.words) && h.words[next].at == t {
		next++
	}
	return h.words[first:next]
}

// precedes reports whether the words, sorted, may come after h's: none is earlier, and none of h's last instant is of the
// same check and not of a lesser Seq. In which order checks stand at one instant makes no difference.
func (h *SystemHistory) precedes(added []word) bool {
	if len(h.words) == 0 {
		return true
	}
	last := h.words[len(h.words)-1].at
	if added[0].at < last {
		return false
	}
	for _, w := range h.at(last) {
		for i := range added {
			if added[i].at == last && added[i].check == w.check && added[i].seq <= w.seq {
				return false
			}
		}
	}
	return true
}

func compareWords(a, b *word) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.check, b.check), cmp.Compare(a.seq, b.seq))
}

// mergeWords sorts words by time, check and Seq, in place, and of those with one key leaves the one that stands.
func mergeWords(words []word, upstreams []string) []word {
	if areMerged(words) {
		return words
	}
	slices.SortFunc(words, func(a, b word) int { return compareWords(&a, &b) })
	kept := words[:0]
	for _, w := range words {
		if last := len(kept) - 1; last >= 0 && compareWords(&kept[last], &w) == 0 {
			if w.stands(&kept[last], upstreams) {
				kept[last] = w
			}
			continue
		}
		kept = append(kept, w)
	}
	return kept
}

// areMerged reports whether each word comes after the one before, as those of a feed that was kept well do.
func areMerged(words []word) bool {
	for i := 1; i < len(words); i++ {
		if a, b := &words[i-1], &words[i]; a.at >= b.at && compareWords(a, b) >= 0 {
			return false
		}
	}
	return true
}

// stands reports whether w, and not other, holds under the key they share.
func (w *word) stands(other *word, upstreams []string) bool {
	return cmp.Or(cmp.Compare(w.health.severity(), other.health.severity()), cmp.Compare(w.impact, other.impact),
		strings.Compare(upstreams[w.upstream], upstreams[other.upstream])) > 0
}

// mergeStatements keeps of each source the greatest Rev, and of those the outages of this system.
func (h *SystemHistory) mergeStatements(names *names, statements []Statement) error {
	for i := range statements {
		if err := statements[i].Validate(); err != nil {
			return err
		}
	}
	latest, err := latestRevisions(statements, func(s *Statement) (string, int64) { return s.Source, s.Rev },
		func(a, b *Statement) bool { return sameOutages(a.Outages, b.Outages) }, "statement")
	if err != nil {
		return err
	}
	var spans []span
	for _, s := range latest {
		source := uint32(len(h.sources))
		said := len(spans)
		for i := range s.Outages {
			o := &s.Outages[i]
			if o.SystemID != h.system {
				continue
			}
			sp, err := names.outage(o, source)
			if err != nil {
				return err
			}
			if sp.start < sp.end {
				spans = append(spans, sp)
			}
		}
		if len(spans) > said {
			h.sources = append(h.sources, Source{SourceStatement, s.Source})
		}
	}
	h.outages = mergeSpans(spans, func(a, b *span) bool {
		return cmp.Or(cmp.Compare(a.impact, b.impact), -cmp.Compare(a.source, b.source)) > 0
	})
	return nil
}

// mergeCorrections keeps of each ID the greatest Rev, and where two of one check overlap the greater (Rev, ID).
func (h *SystemHistory) mergeCorrections(names *names, corrections []Correction) error {
	for i := range corrections {
		if err := corrections[i].Validate(); err != nil {
			return err
		}
	}
	latest, err := latestRevisions(corrections, func(c *Correction) (string, int64) { return c.ID, c.Rev },
		func(a, b *Correction) bool { return a.canonical() == b.canonical() }, "correction")
	if err != nil {
		return err
	}
	// Their place among the sources is their precedence.
	slices.SortFunc(latest, func(a, b *Correction) int {
		return cmp.Or(cmp.Compare(a.Rev, b.Rev), strings.Compare(a.ID, b.ID))
	})
	var spans []span
	for _, c := range latest {
		if c.SystemID != h.system {
			continue
		}
		thousandths, err := impact("", c.Health, c.Impact)
		if err != nil {
			return err
		}
		spans = append(spans, span{
			start: micros(c.From), end: micros(c.Until), check: names.checks.number(c.CheckID),
			source: uint32(len(h.sources)), impact: thousandths, health: c.Health,
		})
		h.sources = append(h.sources, Source{SourceCorrection, c.ID})
	}
	h.corrections = mergeCorrectionSpans(spans)
	return nil
}

// latestRevisions returns, by key, the fact with the greatest revision of each. Two facts of one key and revision must
// be the same.
func latestRevisions[T any](facts []T, revision func(*T) (string, int64), same func(a, b *T) bool, what string) ([]*T, error) {
	sorted := make([]*T, len(facts))
	for i := range facts {
		sorted[i] = &facts[i]
	}
	order := func(a, b *T) int {
		ka, ra := revision(a)
		kb, rb := revision(b)
		return cmp.Or(strings.Compare(ka, kb), cmp.Compare(ra, rb))
	}
	if !slices.IsSortedFunc(sorted, order) {
		slices.SortFunc(sorted, order)
	}
	latest := sorted[:0]
	for i, f := range sorted {
		key, rev := revision(f)
		if i+1 < len(sorted) {
			nextKey, nextRev := revision(sorted[i+1])
			if key == nextKey && rev == nextRev && !same(f, sorted[i+1]) {
				return nil, fmt.Errorf("slo: %s %s: two different ones of revision %d: %w", what, show(key), rev, ErrConflict)
			}
			if key == nextKey {
				continue
			}
		}
		latest = append(latest, f)
	}
	return latest, nil
}
