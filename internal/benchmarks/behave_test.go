package benchmarks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A behaviour is something that goes wrong around a load, and a probe that makes it happen and says what it saw. Probes run
// under synctest: a caller who is said to wait does wait, and what takes no end is seen to, without waiting for it.
type behaviour struct {
	name  string
	probe func(p *probe) string
	right []string // what slokeep may say; of the others what they say is written down
}

var behaviours = []behaviour{
	{"key deleted while it loads: what is found afterwards", deletedThenAsked, []string{"new value"}},
	{"the same: who asks while that load still runs", deletedAndAsked, []string{"new value"}},
	{"key deleted while its value is being stored: what is found afterwards", deletedWhileStored, []string{"new value"}},
	{"context of the first caller ends: that caller", leaderLeaves(firstCaller, false), []string{canceled}},
	{"the same: who waits for its load", leaderLeaves(secondCaller, false), []string{"loaded value"}},
	{"the same, and the loader does not look at its context: that caller", leaderLeaves(firstCaller, true), []string{canceled}},
	{"context of a waiting caller ends: that caller", followerLeaves, []string{canceled}},
	{"loader panics: its caller", loaderEnds(panics, firstCaller), []string{panicError}},
	{"the same: who waits for it", loaderEnds(panics, secondCaller), []string{panicError}},
	{"the same: the next call", loaderEnds(panics, nextCaller), []string{"loads again"}},
	// A loader may run on its caller's goroutine, which it then ends, as any function does that calls Goexit.
	{"loader calls Goexit: its caller", loaderEnds(exits, firstCaller), []string{goexitError, goroutineEnds}},
	{"the same: who waits for it", loaderEnds(exits, secondCaller), []string{goexitError}},
	{"the same: the next call", loaderEnds(exits, nextCaller), []string{"loads again"}},
	{"loader asks for its own key", recursive, []string{`error: cache: load waits for itself: key "k"`}},
}

// What probes say more than once.
const (
	canceled      = "error: context canceled"
	panicError    = "error: cache: panic: " + panics
	goexitError   = "error: cache: loader called runtime.Goexit"
	goroutineEnds = "its goroutine ends"
)

// How a loader can end other than by returning.
const (
	panics = "loader's panic"
	exits  = "loader's end"
)

// Callers of one key: one that loads, one that waits for that load, one that comes when all is over.
const (
	firstCaller = iota
	secondCaller
	nextCaller
)

// probeEnv says which probe this process is to run: the number of a behaviour, a library, and the context of its callers.
const probeEnv = "SLOKEEP_CACHE_PROBE"

// The contexts of callers: [context.Background], and one that may end.
var callers = []string{"background", "cancelable"}

// answer is what a probe prints before what it saw.
const answer = "probe saw: "

// TestCacheBehaviour makes a table of what each library does when something goes wrong around a load:
//
//	go test -run CacheBehaviour -v ./internal/benchmarks
//
// Slokeep must do what is right. What others do is measured, and must only be known. Each probe has a process of its own,
// since some end it, or leave goroutines behind.
func TestCacheBehaviour(t *testing.T) {
	if text := os.Getenv(probeEnv); text != "" {
		runProbe(t, text)
		return
	}
	saw := make([][]string, len(behaviours))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range behaviours {
		saw[i] = make([]string, len(libraries))
		for j := range libraries {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				saw[i][j] = behaviours[i].observe(t, i, libraries[j].name)
			})
		}
	}
	wg.Wait()
	var table strings.Builder
	table.WriteString("| what happens |")
	for _, l := range libraries {
		fmt.Fprintf(&table, " %s |", l.name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(libraries)) + "\n")
	for i, b := range behaviours {
		fmt.Fprintf(&table, "| %s | %s |\n", b.name, strings.Join(saw[i], " | "))
	}
	t.Logf("\n%s", table.String())
}

// observe returns what one library does, for callers with either context.
func (b behaviour) observe(t *testing.T, number int, library string) string {
	saw := make([]string, len(callers))
	for i, caller := range callers {
		var err error
		if saw[i], err = startProbe(t.Context(), fmt.Sprintln(number, library, caller), 10*time.Second, time.Minute); err != nil {
			t.Errorf("%s, %s context: %s: the probe broke: %v", library, caller, b.name, err)
		}
		if library == "slokeep" && !slices.Contains(b.right, saw[i]) {
			t.Errorf("slokeep, %s context: %s: %q, want %q", caller, b.name, saw[i], b.right)
		}
	}
	if saw[0] == saw[1] {
		return saw[0]
	}
	return saw[0] + "; with a context that may end: " + saw[1]
}

// startProbe runs a probe in a process of its own, and returns what it saw. A process that its loader's panic has ended is
// seen here, and one in which nothing moves and synctest cannot say so, because something waits for a mutex. One that is
// only slow gets another trial for each of the limits.
func startProbe(ctx context.Context, which string, limits ...time.Duration) (saw string, err error) {
	for _, limit := range limits {
		if saw, err = tryProbe(ctx, which, limit); !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return saw, err
}

func tryProbe(ctx context.Context, which string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCacheBehaviour$", "-test.timeout=0")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // so that it says where its goroutines are
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), probeEnv+"="+which,
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or the race detector waits for a second at the end of each
	out, err := cmd.CombinedOutput()
	if _, text, ok := bytes.Cut(out, []byte(answer)); ok {
		line, _, _ := bytes.Cut(text, []byte("\n"))
		return string(line), nil
	}
	switch {
	case stuck(out):
		return "hangs", nil
	case ctx.Err() != nil:
		return "?", fmt.Errorf("%w after %v: %s", ctx.Err(), limit, out)
	case bytes.Contains(out, []byte("panic: "+panics)):
		return "the process ends", nil
	}
	return "?", fmt.Errorf("%w: %s", err, out)
}

// bubbled is what a dump says of a goroutine under synctest.
var bubbled = regexp.MustCompile(`(?m)^goroutine \d+ .*\[([^\],]+)[^\]]*, synctest bubble`)

// stuck reports whether a dump shows that nothing can move under synctest: all goroutines wait for each other, and one of
// them for a mutex.
func stuck(dump []byte) bool {
	mutex := false
	for _, m := range bubbled.FindAllSubmatch(dump, -1) {
		state := string(m[1])
		waits := strings.HasPrefix(state, "sync.Mutex.") || strings.HasPrefix(state, "sync.RWMutex.")
		if !waits && !strings.HasSuffix(state, "(durable)") {
			return false
		}
		mutex = mutex || waits
	}
	return mutex
}

// What a library might do that synctest cannot see through.
var unseen = []behaviour{
	{"a caller waits for a mutex for ever", func(p *probe) string {
		var mu sync.Mutex
		mu.Lock()
		return p.start(func() (user, error) { mu.Lock(); return user{}, nil }).result()
	}, []string{"hangs"}},
	{"a caller works for ever", func(p *probe) string {
		return p.start(func() (user, error) {
			for {
				runtime.Gosched()
			}
		}).result()
	}, []string{"?"}},
}

// Only what cannot move is said to hang: what is slow may be so because of the machine.
func TestProbesTellWhatHangsFromWhatIsSlow(t *testing.T) {
	for i, b := range unseen {
		t.Run(b.name, func(t *testing.T) {
			limits := []time.Duration{time.Second}
			if b.right[0] == "hangs" {
				limits = append(limits, 5*time.Second, time.Minute) // to come as far as that
			}
			saw, err := startProbe(t.Context(), fmt.Sprintln(len(behaviours)+i, "map", "background"), limits...)
			if saw != b.right[0] || (err == nil) != (saw == "hangs") {
				t.Errorf("saw %q, %v: want %q", saw, err, b.right[0])
			}
		})
	}
}

func runProbe(t *testing.T, which string) {
	var number int
	var name, caller string
	if _, err := fmt.Sscan(which, &number, &name, &caller); err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		if l.name != name {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			p := &probe{t: t, library: l, ctx: context.Background()}
			if caller == "cancelable" {
				ctx, cancel := context.WithCancel(p.ctx)
				defer cancel()
				p.ctx = ctx
			}
			fmt.Println(answer + slices.Concat(behaviours, unseen)[number].probe(p))
			os.Exit(0) // whatever still waits
		})
	}
	t.Fatalf("no library %q", name)
}

// A probe opens one library, and makes callers of one key, "k". Those whose context does not matter have ctx.
type probe struct {
	t       *testing.T
	library library
	ctx     context.Context
	reader  reader
}

func (p *probe) open(s setUp) {
	s.capacity = 100
	p.reader = p.library.open(p.t, s)
}

// patience is how long a probe waits for what takes no time.
const patience = time.Minute

// call is a call on a goroutine of its own.
type call struct {
	done chan struct{}
	saw  string
}

// start begins a call, and returns when it has ended or waits.
func (p *probe) start(do func() (user, error)) *call {
	c := &call{done: make(chan struct{}), saw: goroutineEnds}
	go func() {
		defer close(c.done)
		defer func() {
			if v := recover(); v != nil {
				c.saw = "panics"
			}
		}()
		u, err := do()
		switch {
		case errors.Is(err, errMiss):
			c.saw = "nil item" // of a ttlcache, which has no errors
		case err != nil:
			c.saw = "error: " + strings.SplitN(err.Error(), "\n", 2)[0]
		case u == user{}:
			c.saw = "zero value, nil error"
		default:
			c.saw = u.name + " value"
		}
	}()
	synctest.Wait()
	return c
}

func (p *probe) get(ctx context.Context) *call {
	return p.start(func() (user, error) { return p.reader.get(ctx, "k") })
}

// result returns what came of a call.
func (c *call) result() string {
	select {
	case <-c.done:
		return c.saw
	case <-time.After(patience):
		return "hangs"
	}
}

// remove deletes the key, and says so where that does not come back.
func (p *probe) remove() {
	c := p.start(func() (user, error) { return user{name: "no"}, p.reader.remove(p.ctx, "k") })
	if saw := c.result(); saw != "no value" {
		p.t.Fatalf("delete: %s", saw)
	}
}

// slow is a loader whose first call goes on when it is told to, or when its context ends, and then gives what is first; any
// later one gives what is later, at once.
type slow struct {
	release chan struct{}
	calls   int
	mu      sync.Mutex
}

func newSlow() *slow { return &slow{release: make(chan struct{})} }

// wait counts a call, and reports whether it is the first.
func (s *slow) wait(ctx context.Context) (first bool, err error) {
	s.mu.Lock()
	s.calls++
	first = s.calls == 1
	s.mu.Unlock()
	if !first {
		return false, nil
	}
	select {
	case <-s.release:
		return true, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// oldThenNew opens the library with a loader that has read the old value when the key is deleted, and later reads the new.
func (p *probe) oldThenNew() *slow {
	s := newSlow()
	p.open(setUp{load: func(ctx context.Context, _ string) (user, error) {
		first, err := s.wait(ctx)
		if first {
			return user{name: "old"}, err
		}
		return user{name: "new"}, err
	}})
	return s
}

func deletedThenAsked(p *probe) string {
	s := p.oldThenNew()
	first := p.get(p.ctx)
	p.remove()
	close(s.release)
	if saw := first.result(); saw == "hangs" {
		return saw
	}
	return p.get(p.ctx).result()
}

func deletedAndAsked(p *probe) string {
	s := p.oldThenNew()
	p.get(p.ctx)
	p.remove()
	second := p.get(p.ctx)
	close(s.release)
	return second.result()
}

// deletedWhileStored deletes the key from the function that the library calls while it stores, on another goroutine, which
// gets all the time it needs to come as far as it can.
func deletedWhileStored(p *probe) string {
	if !p.library.hooks {
		return "not provoked: calls nothing then"
	}
	var armed sync.Once
	removed := make(chan error, 1)
	loads := 0
	p.open(setUp{
		storing: func() {
			armed.Do(func() {
				go func() { removed <- p.reader.remove(p.ctx, "k") }()
				for range 10_000 {
					runtime.Gosched()
				}
			})
		},
		load: func(context.Context, string) (user, error) {
			if loads++; loads == 1 {
				return user{name: "old"}, nil
			}
			return user{name: "new"}, nil
		},
	})
	if saw := p.get(p.ctx).result(); saw == "hangs" {
		return saw
	}
	select {
	case err := <-removed:
		if err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(patience):
		return "the delete hangs"
	}
	return p.get(p.ctx).result()
}

// leaderLeaves ends the context of the caller who loads, while another waits. A deaf loader does not look at its context.
func leaderLeaves(caller int, deaf bool) func(p *probe) string {
	return func(p *probe) string {
		s := newSlow()
		p.open(setUp{load: func(ctx context.Context, _ string) (user, error) {
			if deaf {
				ctx = context.WithoutCancel(ctx)
			}
			_, err := s.wait(ctx)
			return user{name: "loaded"}, err
		}})
		ctx, cancel := context.WithCancel(context.Background())
		first := p.get(ctx)
		second := p.get(p.ctx)
		cancel()
		synctest.Wait()
		if caller == firstCaller {
			return early(first)
		}
		close(s.release)
		return second.result()
	}
}

// followerLeaves ends the context of a caller who waits for the load of another.
func followerLeaves(p *probe) string {
	s := newSlow()
	p.open(setUp{load: func(ctx context.Context, _ string) (user, error) {
		_, err := s.wait(ctx)
		return user{name: "loaded"}, err
	}})
	p.get(p.ctx)
	ctx, cancel := context.WithCancel(context.Background())
	second := p.get(ctx)
	cancel()
	synctest.Wait()
	return early(second)
}

// early is the result of a call that should have come back by now.
func early(c *call) string {
	select {
	case <-c.done:
		return c.saw
	default:
		return "waits for the load"
	}
}

// loaderEnds has a loader end other than by returning, while another caller waits for it.
func loaderEnds(how string, caller int) func(p *probe) string {
	return func(p *probe) string {
		s := newSlow()
		p.open(setUp{load: func(ctx context.Context, _ string) (user, error) {
			switch first, err := s.wait(ctx); {
			case !first || err != nil:
				return user{name: "again"}, err
			case how == panics:
				panic(panics)
			}
			runtime.Goexit()
			return user{}, nil
		}})
		first := p.get(p.ctx)
		second := p.get(p.ctx)
		close(s.release)
		synctest.Wait()
		switch caller {
		case firstCaller:
			return first.result()
		case secondCaller:
			return second.result()
		}
		if saw := p.get(p.ctx).result(); saw != "again value" {
			return saw
		}
		return "loads again"
	}
}

// recursive has a loader ask for what it loads.
func recursive(p *probe) string {
	p.open(setUp{load: func(ctx context.Context, key string) (user, error) { return p.reader.get(ctx, key) }})
	return p.get(p.ctx).result()
}
