package crashtest

import "time"

// clock is the time that all workers live in. It begins with dawn, and is so much faster than the wall's; every process
// reads the same from it, also one that is launched later.
type clock struct{ began time.Time }

// speed is how many of its days pass in a second: as many as it takes for streaks, months and achievements to come about
// while processes are killed, and so few that each day has a hundred operations or so.
const (
	speed = 4
	pace  = speed * 24 * 3600
)

// Now returns the instant, in whole microseconds.
func (c clock) Now() time.Time {
	return dawn.Add(time.Since(c.began) * pace).Truncate(time.Microsecond)
}

// AfterFunc calls f when d has passed.
func (c clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d/pace+1, f).Stop
}
