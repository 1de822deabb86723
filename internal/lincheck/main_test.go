package lincheck_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

var (
	duration = flag.Duration("for", 0, "how long to try random histories, all tests together; 0: 22 s, with -short 3 s")
	seed     = flag.Uint64("seed", 0, "the seed of every round; 0: another one in each")
)

// quiet is the log of a client that is closed while loads which nobody waits for any more still use it.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	if os.Getenv(partnerEnv) != "" {
		runPartner()
		return
	}
	// What rapid would write into the tree on a failure is a seed as well.
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// shares are the parts of the time that the tests have, of which all together make 28.
const (
	shareOfMemory  = 3.0
	shareOfSQLite  = 4.0
	shareOfMachine = 1.5
	shareOfReads   = 2.0
	shareOfRedis   = 4.0
)

// rounds yields a seed for each round until the test's share of the time is over, and stops after a round that failed.
func rounds(t *testing.T, share float64) iter.Seq[uint64] {
	total := *duration
	switch {
	case total > 0:
	case testing.Short():
		total = 3 * time.Second
	default:
		total = 22 * time.Second
	}
	return func(yield func(uint64) bool) {
		end := time.Now().Add(time.Duration(share / 28 * float64(total)))
		for first := true; first || time.Now().Before(end); first = false {
			number := *seed
			for number == 0 {
				number = rand.Uint64()
			}
			goOn := yield(number)
			if t.Failed() {
				t.Errorf("the seed of this round: go test -run '^%s$' . -args -seed %d", strings.ReplaceAll(t.Name(), "/", "$/^"), number)
				return
			}
			if !goOn {
				return
			}
		}
	}
}

// machine checks a property with rapid, some tests at a time, until the test's share of the time is over.
func machine(t *testing.T, share float64, property func(*rapid.T)) {
	t.Helper()
	each := 10
	if testing.Short() {
		each = 4
	}
	n := 0
	for number := range rounds(t, share) {
		t.Run(fmt.Sprint("seed ", number), func(t *testing.T) {
			setRapid(t, number, each)
			rapid.Check(t, property)
		})
		n += each
	}
	t.Logf("%d runs of the machine", n)
}

// setRapid says with which seed rapid begins, and how many tests it makes.
func setRapid(t testing.TB, seed uint64, checks int) {
	if testing.Short() {
		checks *= 5 // of which rapid makes a fifth
	}
	for name, value := range map[string]string{"rapid.seed": fmt.Sprint(seed), "rapid.checks": fmt.Sprint(checks)} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// jitter lets others run, now and then.
func jitter(random *rand.Rand) {
	switch random.IntN(8) {
	case 0:
		time.Sleep(time.Duration(random.IntN(200)) * time.Microsecond)
	case 1, 2:
		time.Sleep(0)
	}
}
