package main

import (
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
)

// lateClock is the clock as the Engine sees it: what it has registered runs after what the program itself has, which is
// the jobs. A function that is registered for the present instant comes last of those that are due.
type lateClock struct{ *simclock.Clock }

func (c lateClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	var registered func() bool // stops it
	registered = c.Clock.AfterFunc(d, func() {
		mu.Lock()
		defer mu.Unlock()
		registered = c.Clock.AfterFunc(0, f)
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return registered()
	}
}

// schedule is the jobs that run when they are due.
type schedule struct {
	clock *simclock.Clock
	stops []func() bool // nil: it is off
}

// on has each job run at each instant that next names, given the one before.
func (s *schedule) on(jobs ...job) {
	if s.stops != nil {
		return
	}
	s.stops = make([]func() bool, len(jobs))
	for i, j := range jobs {
		var again func()
		again = func() {
			now := s.clock.Now()
			s.stops[i] = s.clock.AfterFunc(j.next(now).Sub(now), func() {
				j.run()
				again()
			})
		}
		again()
	}
}

func (s *schedule) off() {
	for _, stop := range s.stops {
		stop()
	}
	s.stops = nil
}

type job struct {
	next func(after time.Time) time.Time
	run  func()
}

// midnight is the first midnight after an instant.
func midnight(t time.Time) time.Time { return t.Truncate(day).Add(day) }

// mondayMorning is the first Monday, 09:00, after an instant.
func mondayMorning(t time.Time) time.Time {
	next := t.Truncate(day).Add(9 * time.Hour)
	for next.Weekday() != time.Monday || !next.After(t) {
		next = next.Add(day)
	}
	return next
}

const day = 24 * time.Hour
