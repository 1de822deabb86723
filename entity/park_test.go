package entity_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// parked lists what is parked, as "group id version attempts error".
func (p *deliveryProcess) parked(group string) (list []entity.Pending, text []string) {
	p.w.t.Helper()
	for pending, err := range p.Parked(context.Background(), group) {
		if err != nil {
			p.w.t.Fatal(err)
		}
		if !pending.Parked || !pending.Due.IsZero() {
			p.w.t.Errorf("Parked lists %+v", pending)
		}
		list = append(list, pending)
		c := pending.Change
		text = append(text, fmt.Sprint(pending.Group.Name, " ", c.ID, " ", c.Version, " ", pending.Attempts, " ", pending.Error))
	}
	return list, text
}

func TestParkedChangesAreListed(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l deliveryLedger
		even := func(c entity.Typed[Order]) bool { return c.Version%2 == 0 }
		p := w.ready(l.failing(even), &entity.SubscribeOptions{Group: "b", Attempts: 2})
		p.on(l.failing(func(c entity.Typed[Order]) bool { return c.ID == "x" }), &entity.SubscribeOptions{Group: "a", Attempts: 1})
		waits := &entity.SubscribeOptions{Group: "waits", Attempts: 5, Backoff: time.Hour}
		p.on(l.failing(func(entity.Typed[Order]) bool { return true }), waits)
		time.Sleep(2 * time.Second)
		p.writes("x", "x", "y", "y", "x", "x")
		time.Sleep(time.Minute)
		want := []string{
			"a x 1 1 boom", "a x 2 1 boom", "a x 3 1 boom", "a x 4 1 boom", "b x 2 2 boom", "b y 2 2 boom", "b x 4 2 boom",
		}
		list, got := p.parked("")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of all (-want +got):\n%s", diff)
		}
		if _, got := p.parked("b"); !slices.Equal(got, want[4:]) {
			t.Errorf("of b: %v", got)
		}
		for _, group := range []string{"none", "waits"} {
			if _, got := p.parked(group); got != nil {
				t.Errorf("of %s: %v", group, got)
			}
		}
		for c, err := range w.log.Changes(t.Context(), 0) { // a parked change is the one that was delivered
			if err != nil {
				t.Fatal(err)
			}
			for _, parked := range list {
				typed, ok := entity.As[Order](parked.Change)
				if parked.Change.Position == c.Position && (!ok || typed.ID != c.ID || typed.Next.Total != int(c.Version)) {
					t.Errorf("parked: %+v", typed)
				}
			}
		}
		for range p.Parked(t.Context(), "") {
			break // leaves early
		}
	})
}

// TestReplay goes through what may become of a parked change.
func TestReplay(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l deliveryLedger
		broken := true
		opts := &entity.SubscribeOptions{Group: "g", Attempts: 2, Timeout: time.Minute}
		var during func(context.Context) error
		handler := func(ctx context.Context, c entity.Typed[Order]) error {
			_ = l.note(ctx, c)
			if during != nil {
				return during(ctx)
			}
			if c.Version == 2 && broken {
				return errDelivery
			}
			return nil
		}
		p := w.ready(handler, opts)
		p.writes("a", "a", "a")
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a 1", "a 2", "a 2", "a 3"}, l.versions()); diff != "" {
			t.Fatalf("delivered (-want +got):\n%s", diff)
		}
		list, _ := p.parked("g")
		if len(list) != 1 {
			t.Fatalf("parked: %+v", list)
		}
		stays := func(what string, want error) {
			t.Helper()
			l.forget()
			err := p.Replay(t.Context(), list[0])
			if want != nil && !errors.Is(err, want) {
				t.Errorf("%s: Replay returned %v: want %v", what, err, want)
			}
			if _, got := p.parked("g"); err == nil || !slices.Equal(got, []string{"g a 2 2 boom"}) {
				t.Errorf("%s: Replay returned %v, and parked is %v", what, err, got)
			}
		}
		stays("a handler that fails again", errDelivery)
		if c := l.got[0]; !c.Replayed || c.Version != 2 || c.Next.Total != 2 || c.Position != list[0].Change.Position {
			t.Errorf("replayed: %+v", c)
		}
		during = func(context.Context) error { panic(errCut) }
		stays("a handler that panics", errCut)
		began := time.Now()
		during = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		stays("a handler that lasts too long", context.DeadlineExceeded)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("its context ended after %v", took)
		}
		during = func(context.Context) error { runtime.Goexit(); return nil }
		done := make(chan struct{})
		go func() { // what ends its goroutine ends the caller's
			defer close(done)
			_ = p.Replay(t.Context(), list[0])
		}()
		<-done
		during = nil

		l.forget()
		broken = false
		if err := p.Replay(t.Context(), list[0]); err != nil {
			t.Errorf("Replay returned %v", err)
		}
		if got := l.versions(); !slices.Equal(got, []string{"a 2"}) || !l.got[0].Replayed {
			t.Errorf("replayed: %v", got)
		}
		if _, got := p.parked(""); got != nil {
			t.Errorf("parked: %v", got)
		}
		stopped := list[0]
		stopped.Group.Name = "nobody"
		for what, pending := range map[string]entity.Pending{"replayed already": list[0], "a group without a handler": stopped, "nothing": {}} {
			if err := p.Replay(t.Context(), pending); !errors.Is(err, entity.ErrNotFound) {
				t.Errorf("%s: Replay returned %v", what, err)
			}
		}
		p.writes("a")
		time.Sleep(time.Second)
		if got := l.versions(); !slices.Equal(got, []string{"a 2", "a 4"}) || l.got[1].Replayed {
			t.Errorf("then came: %v", got)
		}
	})
}

// TestReplayNeedsNoStartAndEndsWithClose has a process that does nothing but replay, as a tool does.
func TestReplayNeedsNoStartAndEndsWithClose(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l deliveryLedger
		opts := &entity.SubscribeOptions{Group: "g", Attempts: 1}
		p := w.ready(l.failing(func(entity.Typed[Order]) bool { return true }), opts)
		p.writes("a", "b", "c")
		time.Sleep(time.Second)
		p.close()
		tool := w.process(entity.Options{})
		list, _ := tool.parked("g")
		if len(list) != 3 {
			t.Fatalf("parked: %+v", list)
		}
		var running atomic.Bool
		l.forget()
		tool.on(func(ctx context.Context, c entity.Typed[Order]) error {
			if c.ID != "b" {
				return l.note(ctx, c)
			}
			running.Store(true)
			<-ctx.Done()
			time.Sleep(time.Second)
			running.Store(false)
			return ctx.Err()
		}, opts)
		if err := tool.Replay(t.Context(), list[0]); err != nil {
			t.Error(err)
		}
		result := make(chan error)
		go func() { result <- tool.Replay(context.Background(), list[1]) }()
		time.Sleep(time.Second)
		if !running.Load() {
			t.Fatal("the handler does not run")
		}
		tool.close()
		if running.Load() {
			t.Error("a handler runs when Close has returned")
		}
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("the Replay that ran returned %v", err)
		}
		if err := tool.Replay(t.Context(), list[2]); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("after Close, Replay returned %v", err)
		}
		if got := l.versions(); !slices.Equal(got, []string{"a 1"}) {
			t.Errorf("replayed: %v", got)
		}
		if _, got := w.process(entity.Options{}).parked("g"); !slices.Equal(got, []string{"g b 1 1 boom", "g c 1 1 boom"}) {
			t.Errorf("parked: %v", got)
		}
	})
}

func TestDropGroup(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l, keeps, again deliveryLedger
		var slow atomic.Bool
		opts := &entity.SubscribeOptions{Group: "g", Attempts: 1}
		p := w.begin()
		stopEvents, err := p.OnEvent("paid", func(context.Context, entity.Event) error { return nil }, opts)
		if err != nil {
			t.Fatal(err)
		}
		stop := p.on(func(ctx context.Context, c entity.Typed[Order]) error {
			_ = l.note(ctx, c)
			if slow.Load() {
				time.Sleep(10 * time.Second)
			}
			return errDelivery
		}, opts)
		p.on(keeps.failing(func(entity.Typed[Order]) bool { return true }), &entity.SubscribeOptions{Group: "keeps", Attempts: 1})
		stopEvents()
		time.Sleep(2 * time.Second)
		p.writes("a", "b")
		time.Sleep(2 * time.Second)
		if err := p.DropGroup(t.Context(), "g"); !errors.Is(err, entity.ErrConflict) {
			t.Errorf("with a handler here, DropGroup returned %v", err)
		}
		slow.Store(true)
		p.writes("a")
		time.Sleep(2 * time.Second)
		stop()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.DropGroup(short, "g"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while the handler runs, DropGroup returned %v", err)
		}
		if err := p.DropGroup(t.Context(), "g"); err != nil {
			t.Errorf("after stop, DropGroup returned %v", err)
		}
		if _, got := p.parked(""); !slices.Equal(got, []string{"keeps a 1 1 boom", "keeps b 1 1 boom", "keeps a 2 1 boom"}) {
			t.Errorf("parked: %v", got)
		}
		if err := p.DropGroup(t.Context(), "g"); err != nil {
			t.Errorf("of no group, DropGroup returned %v", err)
		}
		for _, name := range []string{"", " ", "g\x00"} {
			if err := p.DropGroup(t.Context(), name); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("of %q, DropGroup returned %v", name, err)
			}
		}
		p.writes("a")
		time.Sleep(2 * time.Second)
		p.on(again.note, &entity.SubscribeOptions{Group: "g", From: entity.Oldest}) // it is new, and starts where it says
		time.Sleep(2 * time.Second)
		again.wants(w, "the group that was dropped", true)
		for _, err := range p.told() {
			if _, ok := errors.AsType[*entity.DeliveryError](err); !ok {
				t.Errorf("OnError heard %v", err)
			}
		}
	})
}
