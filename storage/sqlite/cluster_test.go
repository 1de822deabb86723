package sqlite_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var changes = flag.Int("changes", 1000, "how many changes the cluster test makes")

// Three processes share one file, one group and one watch. They are killed and started at random, and stopped for longer
// than their leases last, so that a relay, a group's worker or the holder of the timers comes back when another has
// taken over.
func TestClusterHandlesEveryChangeInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cluster.db")
	total := *changes
	if testing.Short() {
		total = min(total, 200)
	}
	log := newWorkload(t, path, total)
	random := rand.New(rand.NewPCG(3, 4))
	const processes, entities = 3, 500
	seed := uint64(0)
	start := func() *process {
		seed++
		p := launch(t, worker{Path: path, Entities: entities, Seed: seed})
		p.awaitReady(t)
		return p
	}
	acked := map[string]int64{}
	bury := func(p *process) {
		p.kill()
		for id, version := range p.acked {
			acked[id] = max(acked[id], version)
		}
	}
	var running [processes]*process
	for i := range running {
		running[i] = start()
	}
	killed, stalled := 0, 0
	deadline := time.Now().Add(time.Minute + time.Duration(total)*50*time.Millisecond)
	for queryInt(t, log, `SELECT changes FROM budget`) > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Duration(20+random.IntN(100)) * time.Millisecond)
		i := random.IntN(processes)
		if random.IntN(4) == 0 {
			stalled++
			_ = running[i].cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(600 * time.Millisecond)
			_ = running[i].cmd.Process.Signal(syscall.SIGCONT)
			continue
		}
		killed++
		bury(running[i])
		running[i] = start()
	}
	finish(t, log)
	for _, p := range running {
		bury(p)
	}
	checkHeads(t, log, acked)
	if got := checkFeed(t, log); got != total {
		t.Errorf("the feed has %d changes, want %d", got, total)
	}
	t.Logf("%d changes, %d handled, %d kills, %d stalls", total, queryInt(t, log, `SELECT count(*) FROM handled`), killed, stalled)
}
