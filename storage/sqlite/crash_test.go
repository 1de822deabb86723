package sqlite_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

var kills = flag.Int("kills", 25, "how often the crash test kills its process")

// A process that mutates, relays, watches and handles is killed at random instants. After each restart what it said it
// had committed is there, and each write has its change; in the end every change arrives.
func TestNothingIsLostWhenAProcessIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crash.db")
	log := newWorkload(t, path, 1<<40)
	random := rand.New(rand.NewPCG(1, 2))
	n := *kills
	if testing.Short() {
		n = min(n, 2)
	}
	acked := map[string]int64{}
	for i := range n {
		p := launch(t, worker{Path: path, Entities: 20, Seed: uint64(i)})
		p.awaitReady(t)
		time.Sleep(time.Duration(random.IntN(60_000)) * time.Microsecond)
		p.kill()
		for id, version := range p.acked {
			if version <= acked[id] {
				t.Errorf("%s: version %d was acknowledged after %d", id, version, acked[id])
			}
			acked[id] = version
		}
		checkHeads(t, log, acked)
	}
	finish(t, log)
	checkHeads(t, log, acked)
	t.Logf("%d kills, %d changes, %d handled", n, checkFeed(t, log), queryInt(t, log, `SELECT count(*) FROM handled`))
}
