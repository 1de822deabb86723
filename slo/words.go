package slo

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// Words returns the words of the feed that hold at an instant: the system's own last word at or before it, where it has
// one, else the last word of each check that has one, by CheckID. It is nil where the feed has said nothing by then.
// Statements and corrections are not looked at.
//
// The words are as they were merged: of two with one key the one that stands, without its Note, At in UTC, an Impact of 0
// read as 1. at is read as by [Timeline.Status], and may lie after all that is known. The caller owns the slice. It takes
// the time to look back to the word that has held for longest.
func (h *SystemHistory) Words(at time.Time) []Observation {
	m := clamp(at)
	said := h.words[:sort.Search(len(h.words), func(i int) bool { return h.words[i].at > m })]
	if h.ownFrom <= m {
		for i := len(said) - 1; i >= 0; i-- {
			if said[i].check == wholeSystem {
				return []Observation{h.observation(&said[i])}
			}
		}
	}
	var list []Observation
	seen := make([]bool, len(h.checks))
	for i := len(said) - 1; i >= 0 && len(list)+1 < len(h.checks); i-- {
		if w := &said[i]; !seen[w.check] {
			seen[w.check] = true
			list = append(list, h.observation(w))
		}
	}
	slices.SortFunc(list, func(a, b Observation) int { return strings.Compare(a.CheckID, b.CheckID) })
	return list
}

// firstOwn returns the instant of the first word that is the system's own, forever if there is none.
func firstOwn(words []word) int64 {
	if i := slices.IndexFunc(words, func(w word) bool { return w.check == wholeSystem }); i >= 0 {
		return words[i].at
	}
	return forever
}

func (h *SystemHistory) observation(w *word) Observation {
	return Observation{
		SystemID: h.system, CheckID: h.checks[w.check], At: instant(w.at), Seq: w.seq, Health: w.health,
		Impact: float64(w.impact) / whole, UpstreamID: h.upstreams[w.upstream],
	}
}
