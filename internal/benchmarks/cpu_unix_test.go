//go:build unix

package benchmarks

import (
	"syscall"
	"time"
)

// processors returns for how long processors have worked for this process. On a machine that is busy with something else,
// that is steadier than the clock.
func processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
