//go:build !unix

package benchmarks

import "time"

// processors is 0 where nobody has written it.
func processors() time.Duration { return 0 }
