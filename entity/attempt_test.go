package entity_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/slokeep/slokeep/entity"
)

// onEachDeliveryAndWay runs a test for a broadcast and for a group, on each Log.
func onEachDeliveryAndWay(t *testing.T, f func(t *testing.T, w *deliveryWorld, group string)) {
	t.Helper()
	for _, group := range []string{"", "g"} {
		t.Run(fmt.Sprintf("in group %q", group), func(t *testing.T) {
			onEachDelivery(t, func(t *testing.T, w *deliveryWorld) { f(t, w, group) })
		})
	}
}

// ready begins a process with one handler, and lets it get the leases that it needs.
func (w *deliveryWorld) ready(handler func(context.Context, entity.Typed[Order]) error, opts *entity.SubscribeOptions) *deliveryProcess {
	w.t.Helper()
	p := w.begin()
	p.on(handler, opts)
	time.Sleep(2 * time.Second)
	return p
}

// TestPausesDouble measures when the attempts are made.
func TestPausesDouble(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, c := range []struct {
		name string
		opts entity.SubscribeOptions
		want []time.Duration // between the attempts
	}{
		{"by default, ten attempts from 100 ms on", entity.SubscribeOptions{},
			[]time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms}},
		{"up to a minute", entity.SubscribeOptions{Attempts: 6, Backoff: 20 * s}, []time.Duration{20 * s, 40 * s, 60 * s, 60 * s, 60 * s}},
		{"never less than Backoff", entity.SubscribeOptions{Attempts: 4, Backoff: 90 * s}, []time.Duration{90 * s, 90 * s, 90 * s}},
		{"once", entity.SubscribeOptions{Attempts: 1}, nil},
		{"of a nanosecond", entity.SubscribeOptions{Attempts: 5, Backoff: 1}, []time.Duration{1, 2, 4, 8}},
		{"many times", entity.SubscribeOptions{Attempts: 15, Backoff: 40 * s},
			append([]time.Duration{40 * s}, slices.Repeat([]time.Duration{time.Minute}, 13)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
				c.opts.Group = group
				var l deliveryLedger
				p := w.ready(l.failing(func(entity.Typed[Order]) bool { return true }), &c.opts)
				p.writes("a")
				time.Sleep(2 * time.Minute)
				for _, pause := range c.want {
					time.Sleep(pause)
				}
				got := l.instants(time.Unix(0, 0))
				for i := len(got) - 1; i > 0; i-- {
					got[i] -= got[i-1]
				}
				if diff := cmp.Diff(c.want, got[1:], cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("pauses (-want +got):\n%s", diff)
				}
				errs := p.told()
				if len(errs) != 1 {
					t.Fatalf("OnError heard %v: want one error", errs)
				}
				given, ok := errors.AsType[*entity.DeliveryError](errs[0])
				if !ok || !errors.Is(errs[0], errDelivery) || given.Group != group || given.Attempts != len(c.want)+1 ||
					given.Change.ID != "a" || given.Change.Version != 1 {
					t.Errorf("OnError heard %+v", errs[0])
				}
				what := "passed over"
				if group != "" {
					what = `parked for group "g"`
				}
				if want := fmt.Sprintf(`entity: change 1 of order "a" %s after %d attempts: boom`, what, len(c.want)+1); errs[0].Error() != want {
					t.Errorf("OnError heard %q: want %q", errs[0], want)
				}
			})
		})
	}
}

func TestAttemptEndsAtItsTimeout(t *testing.T) {
	for _, c := range []struct {
		timeout, want time.Duration
	}{{0, 30 * time.Second}, {time.Second, time.Second}, {7 * time.Minute, 7 * time.Minute}} {
		t.Run(fmt.Sprint(c.timeout), func(t *testing.T) {
			onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
				var took []time.Duration
				p := w.ready(func(ctx context.Context, ch entity.Typed[Order]) error {
					if ch.Version < 3 { // so that the watchdog is somewhere on its way
						time.Sleep(c.want / 3)
						return nil
					}
					begun := time.Now()
					<-ctx.Done()
					took = append(took, time.Since(begun))
					if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
						t.Errorf("the cause is %v", cause)
					}
					return ctx.Err()
				}, &entity.SubscribeOptions{Group: group, Timeout: c.timeout, Attempts: 3, Backoff: c.want / 7})
				p.writes("a", "a", "a")
				time.Sleep(6 * c.want)
				synctest.Wait()
				if diff := cmp.Diff(slices.Repeat([]time.Duration{c.want}, 3), took); diff != "" {
					t.Errorf("attempts took (-want +got):\n%s", diff)
				}
				if errs := p.told(); len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
					t.Errorf("OnError heard %v", errs)
				}
			})
		})
	}
}

// TestLateSuccessIsASuccess has a handler that does not heed its context: nothing can be done but wait for it.
func TestLateSuccessIsASuccess(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var l deliveryLedger
		var ended []bool
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			if c.Version == 1 {
				time.Sleep(time.Minute)
			}
			ended = append(ended, ctx.Err() != nil)
			return l.note(ctx, c)
		}, &entity.SubscribeOptions{Group: group, Timeout: time.Second})
		p.writes("a", "a")
		time.Sleep(2 * time.Minute)
		l.wants(w, "the late one", true)
		if want := []bool{true, false}; !slices.Equal(ended, want) {
			t.Errorf("contexts had ended: %v: want %v", ended, want)
		}
		if errs := p.told(); errs != nil {
			t.Errorf("OnError heard %v", errs)
		}
	})
}

// TestEndedGoroutineIsAFailure has a handler that calls runtime.Goexit, as a t.Fatal in it would.
func TestEndedGoroutineIsAFailure(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var tried, l deliveryLedger
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			_ = tried.note(ctx, c)
			if c.ID == "a" && (c.Version == 2 || c.Version == 3 && count(tried.versions(), "a 3") == 1) {
				runtime.Goexit()
			}
			return l.note(ctx, c)
		}, &entity.SubscribeOptions{Group: group, Attempts: 3, Backoff: time.Second})
		p.writes("a", "b", "a", "b", "a", "b", "a")
		time.Sleep(time.Minute)
		p.writes("a", "b")
		time.Sleep(3 * time.Second)
		want := []string{"a 1", "a 3", "a 4", "a 5", "b 1", "b 2", "b 3", "b 4"}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(l.versions()))); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		if got := tried.versions(); count(got, "a 2") != 3 || count(got, "a 3") != 2 || len(got) != 12 {
			t.Errorf("tried: %v", got)
		}
		errs := p.told()
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "after 3 attempts: the handler ended its goroutine") {
			t.Errorf("OnError heard %v", errs)
		}
	})
}

func TestParallelCallsAreOfDifferentEntities(t *testing.T) {
	for _, parallel := range []int{0, 1, 3, entity.Shards} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
				var mu sync.Mutex
				running, most := map[string]int{}, 0
				var l deliveryLedger
				p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
					mu.Lock()
					running[c.ID]++
					if running[c.ID] > 1 {
						t.Errorf("two calls at once for %s", c.ID)
					}
					most = max(most, len(running))
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					delete(running, c.ID)
					mu.Unlock()
					return l.note(ctx, c)
				}, &entity.SubscribeOptions{Group: group, Parallel: parallel})
				for i := range 90 {
					p.writes(fmt.Sprint(i % 45))
				}
				time.Sleep(2 * time.Minute)
				l.wants(w, "the handler", true)
				if want := max(parallel, 1); most != want {
					t.Errorf("%d calls ran at once: want %d", most, want)
				}
			})
		})
	}
}

// TestFailingEntityHoldsUpItselfAlone has a handler that fails on one entity until a moment.
func TestFailingEntityHoldsUpItselfAlone(t *testing.T) {
	for _, attempts := range []int{3, 20} { // given up, and recovered
		t.Run(fmt.Sprint(attempts, " attempts"), func(t *testing.T) {
			onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
				var tried, l deliveryLedger
				begun := time.Now().Add(2 * time.Second)
				p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
					_ = tried.note(ctx, c)
					if c.ID == "bad" && c.Version == 2 && time.Since(begun) < time.Minute {
						return errDelivery
					}
					return l.note(ctx, c)
				}, &entity.SubscribeOptions{Group: group, Attempts: attempts, Backoff: time.Second})
				same := sameShard("bad")
				p.writes("bad", "bad", same, "x", "bad", same, "bad")
				time.Sleep(1100 * time.Millisecond)
				p.writes("bad", same, "x", "y")
				time.Sleep(500 * time.Millisecond)
				if got := count(tried.versions(), "bad 2"); got != 2 {
					t.Errorf("the failing change was tried %d times: want 2", got)
				}
				others := []string{"bad 1", same + " 1", "x 1", same + " 2", same + " 3", "x 2", "y 1"}
				if diff := cmp.Diff(slices.Sorted(slices.Values(others)), slices.Sorted(slices.Values(l.versions()))); diff != "" {
					t.Errorf("while it waits (-want +got):\n%s", diff)
				}
				time.Sleep(10 * time.Minute)
				want := append(others, "bad 3", "bad 4", "bad 5")
				if attempts == 20 {
					l.wants(w, "the handler", true)
					want = append(want, "bad 2")
				}
				if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(l.versions()))); diff != "" {
					t.Errorf("at last (-want +got):\n%s", diff)
				}
				if got := slices.DeleteFunc(l.versions(), func(s string) bool { return !strings.HasPrefix(s, "bad") }); !slices.IsSorted(got) {
					t.Errorf("out of order: %v", got)
				}
			})
		})
	}
}

// sameShard finds another entity in the shard of one.
func sameShard(id string) string {
	for i := 0; ; i++ {
		if other := fmt.Sprint("same", i); entity.Shard("order", other) == entity.Shard("order", id) {
			return other
		}
	}
}

// count says how often a string is in a list.
func count(list []string, s string) int {
	n := 0
	for _, other := range list {
		if other == s {
			n++
		}
	}
	return n
}

// TestErrorsOfAnyKindCanBeKept has handlers whose errors no database would take as they are: my Log refuses those.
func TestErrorsOfAnyKindCanBeKept(t *testing.T) {
	fails := map[string]error{
		"long": errors.New(strings.Repeat("x", 4095) + strings.Repeat("ä", 5000)), "nul": errors.New("a\x00b"),
		"bytes": errors.New("a\xffb"), "nil": (*deliveryError)(nil), "plain": errDelivery, "joined": errors.Join(errDelivery, errCut),
	}
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.ready(func(_ context.Context, c entity.Typed[Order]) error {
			if c.ID == "panic" {
				panic(fails["bytes"])
			}
			return fails[c.ID]
		}, &entity.SubscribeOptions{Group: "g", Attempts: 2})
		p.writes("panic")
		p.writes(slices.Sorted(maps.Keys(fails))...)
		time.Sleep(time.Minute)
		got := map[string]string{}
		for parked, err := range p.Parked(t.Context(), "g") {
			if err != nil {
				t.Fatal(err)
			}
			text := parked.Error
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > 4096 || text == "" {
				t.Errorf("%s: %q of %d bytes", parked.Change.ID, text, len(text))
			}
			got[parked.Change.ID] = text[:min(len(text), 9)]
		}
		want := map[string]string{"long": "xxxxxxxxx", "nul": "ab", "bytes": "ab", "nil": "<nil>", "plain": "boom", "joined": "boom\nthe ", "panic": "panic: ab"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, err := range p.told() {
			if _, ok := errors.AsType[*entity.DeliveryError](err); !ok {
				t.Errorf("OnError heard %v", err)
			}
		}
	})
}
