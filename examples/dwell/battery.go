package main

import (
	"context"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Battery is the state of a battery.
type Battery struct {
	Percent  float64 `json:"percent" entity:"drifts"` // moves by itself: no write says so
	Charging bool    `json:"charging"`
}

// battery is the host: what it knows is how full the battery was at some instant, and how that moves since. Charge is
// counted in hundred-millionths of a percent, so that all of it is whole numbers.
type battery struct {
	clock entity.Clock

	mu    sync.Mutex
	since time.Time
	units int64 // at since
	flow  int64 // units a microsecond
}

const (
	percent  = 100_000_000 // units
	draining = -1          // 0.6 percent a minute
	charging = 2           // 1.2 percent a minute
)

// at returns the charge at an instant.
func (b *battery) at(t time.Time) int64 {
	return min(max(b.units+b.flow*t.Sub(b.since).Microseconds(), 0), 100*percent)
}

// set changes the flow from now on.
func (b *battery) set(flow int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.units, b.since, b.flow = b.at(now), now, flow
}

// read gives the state at the present instant.
func (b *battery) read(_ context.Context, ids []string, found func(id string, s Battery)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(ids, "b1") {
		found("b1", Battery{Percent: float64(b.at(b.clock.Now())) / percent, Charging: b.flow > 0})
	}
	return nil
}

// forecast answers when the charge will cross a value: an [entity.Forecaster]. What nobody writes to, Charging, does not
// change by time, so the question for that, with an empty Field, goes without an answer.
func (b *battery) forecast(_ context.Context, questions []entity.Question, answer func(i int, at time.Time)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, q := range questions {
		if q.ID == "b1" && q.Field == "percent" {
			answer(i, b.crosses(q))
		}
	}
	return nil
}

// crosses returns the first microsecond at which a comparison holds; zero: not within a year. The charge moves one way
// only, so what does not hold at From holds from one instant on, or never.
func (b *battery) crosses(q entity.Question) time.Time {
	const year = 365 * 24 * 3600 * 1_000_000
	value := int64(math.Round(q.Value * percent))
	at := func(i int) time.Time { return q.From.Add(time.Duration(i) * time.Microsecond) }
	i := sort.Search(year, func(i int) bool {
		charge := b.at(at(i))
		switch q.Comparison {
		case entity.Less:
			return charge < value
		case entity.Greater:
			return charge > value
		case entity.AtMost:
			return charge <= value
		default:
			return charge >= value
		}
	})
	if i == year {
		return time.Time{}
	}
	return at(i)
}
