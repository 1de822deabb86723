package slo

import "slices"

// sweep walks through one system's history in order of time and knows how the system is at the instant it has come to.
// It holds positions only; the history is handed in, so that a walk can go on in a longer one.
type sweep struct {
	only     uint32 // the one check whose feed counts; wholeSystem: the system's own word, else its checks'
	position walkPosition

	on        []uint32 // outages that lie here
	corrected []uint32 // corrections in force here

	own   checkFeed   // the system's
	feeds []checkFeed // by check, from 1 on
	loud  []uint32    // checks whose word is not Healthy
	known int         // checks whose word is not Unknown
}

const (
	wholeSystem uint32 = 0
	noSuchCheck        = ^uint32(0)
)

type walkPosition struct{ word, outage, correction int }

// feedWord is what the feed, or a correction of it, says.
type feedWord struct {
	said     bool
	health   Health
	impact   uint16
	upstream uint32
	source   sourceRef
}

// tells reports whether the word says how it is.
func (w feedWord) tells() bool { return w.said && w.health != Unknown }

// isLoud reports whether the word may be one of downtime.
func (w feedWord) isLoud() bool { return w.said && w.health != Healthy }

// checkFeed is one feed: its last word, and the correction that lies over it.
type checkFeed struct{ own, correction feedWord }

func (f *checkFeed) word() feedWord {
	if f.correction.said {
		return f.correction
	}
	return f.own
}

// newSweep starts a walk through h, for an objective on the check, or on the whole system.
func newSweep(h *SystemHistory, checkID string) sweep {
	s := sweep{only: wholeSystem}
	if checkID != "" {
		s.only = noSuchCheck
		if i := slices.Index(h.checks, checkID); i >= 0 {
			s.only = uint32(i)
		}
	}
	return s
}

func (s *sweep) clone() sweep {
	c := *s
	c.on, c.corrected = slices.Clone(s.on), slices.Clone(s.corrected)
	c.feeds, c.loud = slices.Clone(s.feeds), slices.Clone(s.loud)
	return c
}

// next returns the instant at which anything changes next, forever if nothing does.
func (s *sweep) next(h *SystemHistory) int64 {
	t := forever
	if i := s.position.word; i < len(h.words) {
		t = h.words[i].at
	}
	if i := s.position.outage; i < len(h.outages) {
		t = min(t, h.outages[i].start)
	}
	if i := s.position.correction; i < len(h.corrections) {
		t = min(t, h.corrections[i].start)
	}
	for _, i := range s.on {
		t = min(t, h.outages[i].end)
	}
	for _, i := range s.corrected {
		t = min(t, h.corrections[i].end)
	}
	return t
}

// advance takes in all that changes at t or before.
func (s *sweep) advance(h *SystemHistory, t int64) {
	s.on = slices.DeleteFunc(s.on, func(i uint32) bool { return h.outages[i].end <= t })
	for ; s.position.outage < len(h.outages) && h.outages[s.position.outage].start <= t; s.position.outage++ {
		if o := &h.outages[s.position.outage]; s.looksAt(o.check) && o.end > t {
			s.on = append(s.on, uint32(s.position.outage))
		}
	}
	for ; s.position.word < len(h.words) && h.words[s.position.word].at <= t; s.position.word++ {
		w := &h.words[s.position.word]
		s.hear(w.check, feedWord{true, w.health, w.impact, w.upstream, feedSource(w.check)}, false)
	}
	if len(s.corrected) > 0 || s.position.correction < len(h.corrections) {
		s.correct(h, t)
	}
}

// looksAt reports whether sources other than the feed count when they speak of this check.
func (s *sweep) looksAt(check uint32) bool {
	return s.only == wholeSystem || check == wholeSystem || check == s.only
}

func (s *sweep) correct(h *SystemHistory, t int64) {
	s.corrected = slices.DeleteFunc(s.corrected, func(i uint32) bool {
		ended := h.corrections[i].end <= t
		if ended {
			s.hear(h.corrections[i].check, feedWord{}, true)
		}
		return ended
	})
	for ; s.position.correction < len(h.corrections) && h.corrections[s.position.correction].start <= t; s.position.correction++ {
		c := &h.corrections[s.position.correction]
		if c.end <= t {
			continue
		}
		s.corrected = append(s.corrected, uint32(s.position.correction))
		s.hear(c.check, feedWord{true, c.health, c.impact, 0, statedSource(c.source)}, true)
	}
}

// hear takes a word of a check, or of the system; a correction that says nothing is one that has ended.
func (s *sweep) hear(check uint32, w feedWord, correction bool) {
	f := s.feedOf(check)
	before := f.word()
	if correction {
		f.correction = w
	} else {
		f.own = w
	}
	if check != wholeSystem {
		s.count(check, before, f.word())
	}
}

// feedOf returns the feed of a check, or the system's own.
func (s *sweep) feedOf(check uint32) *checkFeed {
	if check == wholeSystem {
		return &s.own
	}
	if missing := int(check) - len(s.feeds); missing > 0 {
		s.feeds = append(s.feeds, make([]checkFeed, missing)...)
	}
	return &s.feeds[check-1]
}

// count keeps what is known of the checks together: which of them are loud, and how many tell.
func (s *sweep) count(check uint32, before, now feedWord) {
	if before.tells() {
		s.known--
	}
	if now.tells() {
		s.known++
	}
	switch {
	case now.isLoud() && !before.isLoud():
		s.loud = append(s.loud, check)
	case before.isLoud() && !now.isLoud():
		s.loud = slices.DeleteFunc(s.loud, func(c uint32) bool { return c == check })
	}
}

// feed returns the word that speaks for the feed, or reports that the checks do.
func (s *sweep) feed() (w feedWord, byChecks bool) {
	if s.only != wholeSystem {
		if int64(s.only) <= int64(len(s.feeds)) {
			w = s.feeds[s.only-1].word()
		}
		return w, false
	}
	w = s.own.word()
	return w, !w.said
}

// observed reports whether anybody says how the system is.
func (s *sweep) observed() bool {
	if len(s.on) > 0 {
		return true
	}
	w, byChecks := s.feed()
	return w.tells() || byChecks && s.known > 0
}

// down returns how much of the system is down by the reading, in thousandths, whatever the cause.
func (s *sweep) down(h *SystemHistory, r reading) uint16 {
	w, byChecks := s.feed()
	weight := r.weight(w.health, w.impact)
	if byChecks {
		for _, c := range s.loud {
			w := s.feeds[c-1].word()
			weight = max(weight, r.weight(w.health, w.impact))
		}
	}
	for _, i := range s.on {
		weight = max(weight, r.weight(h.outages[i].health, h.outages[i].impact))
	}
	return weight
}
