package entity

import "time"

// Clock is where a Registry reads the time from, and what wakes it when something is due. The time package is the default;
// package simclock has one that is moved by hand. Its methods must be safe for concurrent use.
type Clock interface {
	Now() time.Time

	// AfterFunc calls f once when d has passed; f returns soon. stop reports whether it came before the call.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// instant is how this package keeps a time: UTC, without monotonic reading, in microseconds.
func instant(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
