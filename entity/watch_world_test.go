package entity_test

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// Gauge is a state of which part drifts, part flips by time alone, and part is written.
type Gauge struct {
	Level float64 `json:"level" entity:"drifts"`
	Low   bool    `json:"low"` // the level is below 20
	Mode  string  `json:"mode"`
	Count int     `json:"count"`
}

// gaugeSpan is how a gauge is from an instant on: its level in millionths, which change by the slope each microsecond.
type gaugeSpan struct {
	at    int64 // microseconds
	gone  bool
	level int64
	slope int64
	mode  string
	count int
}

func (s *gaugeSpan) levelAt(at int64) int64 { return s.level + s.slope*(at-s.at) }

// gauges are a host that knows all that ever was of its gauges, so that its Forecaster answers for the past, too. All its
// arithmetic is of integers.
type gauges struct {
	clock entity.Clock

	mu    sync.Mutex
	spans map[string][]gaugeSpan
}

func newGauges(clock entity.Clock) *gauges {
	return &gauges{clock: clock, spans: map[string][]gaugeSpan{}}
}

// now is the span that an instant is in; that nothing is known of it counts as gone.
func (h *gauges) now(id string, at int64) gaugeSpan {
	for _, s := range slices.Backward(h.spans[id]) {
		if s.at <= at {
			return s
		}
	}
	return gaugeSpan{at: math.MinInt64 / 2, gone: true}
}

func (h *gauges) read(_ context.Context, ids []string, found func(string, Gauge)) error {
	now := h.clock.Now().UnixMicro()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if s := h.now(id, now); !s.gone {
			level := s.levelAt(now)
			found(id, Gauge{Level: float64(level) / 1e6, Low: level < 20e6, Mode: s.mode, Count: s.count})
		}
	}
	return nil
}

func (h *gauges) forecast(_ context.Context, questions []entity.Question, answer func(int, time.Time)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, q := range questions {
		from, at := q.From.UnixMicro(), int64(0)
		ok := false
		switch s := h.now(q.ID, from); {
		case q.Field != "":
			at, ok = h.reaches(q.ID, q.Comparison, int64(math.Round(q.Value*1e6)), from)
		case s.gone: // it has no fields that could flip
		case s.levelAt(from) < 20e6:
			at, ok = h.flips(q.ID, entity.AtLeast, from)
		default:
			at, ok = h.flips(q.ID, entity.Less, from)
		}
		if ok {
			answer(i, time.UnixMicro(at))
		}
	}
	return nil
}

// flips is reaches for what time alone does: it ends with the span.
func (h *gauges) flips(id string, c entity.Comparison, from int64) (int64, bool) {
	at, ok := h.reaches(id, c, 20e6, from)
	return at, ok && h.now(id, at).at <= from
}

// reaches is the first microsecond at from or later at which the level compares so. It asks each span for it.
func (h *gauges) reaches(id string, c entity.Comparison, value, from int64) (int64, bool) {
	spans := h.spans[id]
	for i, s := range spans {
		end := int64(math.MaxInt64)
		if i+1 < len(spans) {
			end = spans[i+1].at
		}
		if at := max(from, s.at); !s.gone && at < end {
			if at, ok := s.first(c, value, at); ok && at < end {
				return at, true
			}
		}
	}
	return 0, false
}

// first is the first microsecond at from or later at which the level would compare so, if the span had no end.
func (s *gaugeSpan) first(c entity.Comparison, value, from int64) (int64, bool) {
	holds := func(at int64) bool {
		switch level := s.levelAt(at); c {
		case entity.Less:
			return level < value
		case entity.Greater:
			return level > value
		case entity.AtMost:
			return level <= value
		default:
			return level >= value
		}
	}
	if holds(from) {
		return from, true
	}
	if s.slope == 0 {
		return 0, false
	}
	near := s.at + (value-s.level)/s.slope
	for at := max(from, near-2); at <= near+2; at++ {
		if holds(at) {
			return at, true
		}
	}
	return 0, false
}

// set is a write: as of now the gauge is what change makes of it.
func (h *gauges) set(id string, change func(s *gaugeSpan)) func(context.Context) error {
	return func(context.Context) error {
		now := h.clock.Now().UnixMicro()
		h.mu.Lock()
		defer h.mu.Unlock()
		s := h.now(id, now)
		s.level, s.at = s.levelAt(now), now
		if s.gone {
			s = gaugeSpan{at: now, level: 50e6}
		}
		change(&s)
		h.spans[id] = append(h.spans[id], s)
		return nil
	}
}

func gaugeLevel(units, slope int64) func(s *gaugeSpan) {
	return func(s *gaugeSpan) { s.level, s.slope = units*1e6, slope }
}

func gaugeSlope(by int64) func(s *gaugeSpan) { return func(s *gaugeSpan) { s.slope = by } }
func gaugeMode(m string) func(s *gaugeSpan)  { return func(s *gaugeSpan) { s.mode = m } }
func gaugeGone(s *gaugeSpan)                 { s.gone = true }

// gaugeWorld is one process with gauges, on a clock that is moved by hand.
type gaugeWorld struct {
	t     *testing.T
	clock *simclock.Clock
	host  *gauges
	log   entity.Log
	reg   *entity.Registry
	h     *entity.Handle[Gauge]
}

// newGaugeWorld makes one that has started. log may be nil.
func newGaugeWorld(t *testing.T, log entity.Log) *gaugeWorld {
	t.Helper()
	clock := simclock.New(noon)
	w := &gaugeWorld{t: t, clock: clock, host: newGauges(clock), log: log}
	if log == nil {
		w.log = entity.NewMemory()
	}
	w.open()
	start(t, w.reg)
	return w
}

// open makes a Registry, which goes on where another has been.
func (w *gaugeWorld) open() {
	w.t.Helper()
	w.reg = newRegistry(w.t, &entity.Options{Clock: w.clock, Log: w.log})
	w.h = define(w.t, w.reg, "gauge", w.host.read, &entity.KindOptions[Gauge]{Forecaster: w.host.forecast})
	reg := w.reg
	w.clock.Settle = func() { settle(w.t, reg) }
}

// write changes a gauge now.
func (w *gaugeWorld) write(id string, change func(s *gaugeSpan)) {
	w.t.Helper()
	if _, err := w.h.Mutate(w.t.Context(), id, w.host.set(id, change), nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *gaugeWorld) remove(id string) {
	w.t.Helper()
	if _, err := w.h.Remove(w.t.Context(), id, w.host.set(id, gaugeGone), nil); err != nil {
		w.t.Fatal(err)
	}
}

// at moves the clock to so many seconds after noon.
func (w *gaugeWorld) at(seconds float64) {
	w.t.Helper()
	if err := w.clock.AdvanceTo(after(seconds)); err != nil {
		w.t.Fatal(err)
	}
}

// seconds says when a watch fired, in seconds after noon.
func (f *firings) seconds(name string) []float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var seconds []float64
	for _, at := range f.at[name] {
		seconds = append(seconds, at.Sub(noon).Seconds())
	}
	return seconds
}
