package entity

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A watchdog ends the context of an attempt that lasts too long. Reading the clock for each attempt would cost more than
// a short handler does, so it looks now and then whether the attempt is still the same. An attempt that begins when the
// watchdog is let loose, as the first one of a row does and one that comes after a long one, gets its time exactly;
// another may last longer by one part in as many as there are looks.
type watchdog struct {
	number  *atomic.Uint64 // of the attempt that runs, odd; even: none does
	timeout time.Duration
	fresh   atomic.Bool // it was let loose, and has not looked since

	mu       sync.Mutex
	fail     context.CancelCauseFunc
	timer    *time.Timer
	set      bool   // the timer is set
	skip     bool   // the timer was stopped too late: its look is none
	seen     uint64 // the attempt that it saw last
	patience int    // looks until that has lasted too long
}

// looks is how often the watchdog looks in the time that an attempt has.
const looks = 64

// context makes the context of attempts.
func (w *watchdog) context(parent context.Context) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, fail := context.WithCancelCause(parent)
	w.fail = fail
	return ctx
}

// end ends the context.
func (w *watchdog) end(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail(cause)
}

// unleash lets it loose on the attempt that begins.
func (w *watchdog) unleash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	w.fresh.Store(true)
	w.seen, w.patience = w.number.Load(), looks
	w.wait()
}

// leash takes it back while no attempt runs.
func (w *watchdog) leash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	w.fresh.Store(false)
}

func (w *watchdog) stop() {
	if w.set && !w.timer.Stop() {
		w.skip = true
	}
	w.set = false
}

// wait sets the timer to the next look.
func (w *watchdog) wait() {
	w.set = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.timeout/looks, w.look)
	} else {
		w.timer.Reset(w.timeout / looks)
	}
}

func (w *watchdog) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.skip {
		w.skip = false
		return
	}
	w.set = false
	w.fresh.Store(false) // before the number is read: an attempt that begins now is seen, or lets it loose anew
	number := w.number.Load()
	if number%2 == 0 {
		return
	}
	if number != w.seen {
		w.seen, w.patience = number, looks+1
	}
	if w.patience--; w.patience == 0 {
		w.fail(context.DeadlineExceeded)
	}
	w.wait()
}
