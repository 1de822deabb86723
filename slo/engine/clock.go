package engine

import "time"

// Clock tells the time, and calls back. It is the same as those of the other packages: one value fits all.
type Clock interface {
	// Now returns the present instant.
	Now() time.Time

	// AfterFunc calls f once, after d has passed. stop prevents that, and reports whether it did.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// instant is a time as the library keeps it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond).Round(0) }
