package entity_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// Younger is what became of Link: its limits got another type, which old states cannot be decoded to where they have any.
type Younger struct {
	Limits map[string]int `json:"limits"`
}

// A state that cannot be decoded is never shown as something else: half of it, a creation or a removal. OnError hears of
// it, and a group parks the change.
func TestStatesThatCannotBeDecodedAreNotDelivered(t *testing.T) {
	log := newBytesLog()
	old := newWriteWorld[Link](t, log, nil)
	old.mutate("a", Link{Status: "online"})
	old.mutate("a", Link{Limits: map[string]string{"x": "1"}})
	old.remove("a")
	old.delivered()
	if err := old.reg.Close(); err != nil {
		t.Fatal(err)
	}

	var mu sync.Mutex
	var heard []string
	reg := newRegistry(t, &entity.Options{Log: log, Poll: 5 * time.Millisecond, OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, err.Error())
	}})
	h := define(t, reg, "thing", readNone[Younger], nil)
	if err := h.Derive(func(prev, next *Younger) []string {
		if prev != nil || next == nil {
			t.Errorf("derived from %+v and %+v", prev, next)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.OnEvent("any", func(context.Context, entity.Event) error { return nil },
		&entity.SubscribeOptions{Group: "events", From: entity.Oldest}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.OnChange(func(_ context.Context, c entity.Typed[Younger]) error {
		if c.Version != 1 {
			t.Errorf("delivered was %+v, from %+v to %+v", c.Change, c.Prev, c.Next)
		}
		return nil
	}, &entity.SubscribeOptions{Group: "changes", From: entity.Oldest, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	start(t, reg)
	settle(t, reg)
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{`change 2 of thing "a"`, `change 3 of thing "a"`, "cannot unmarshal string"} {
		if !strings.Contains(strings.Join(heard, "\n"), want) {
			t.Errorf("OnError did not hear of %q, but %q", want, heard)
		}
	}
	var parked []int64
	for p, err := range log.Pending(t.Context(), "changes") {
		if err != nil || !p.Parked || !strings.Contains(p.Error, "cannot be decoded") {
			t.Errorf("got %+v, %v", p, err)
		}
		parked = append(parked, p.Change.Version)
	}
	if diff := cmp.Diff([]int64{2, 3}, parked); diff != "" {
		t.Errorf("parked were the versions (-want +got):\n%s", diff)
	}
}

// What was published last may be of a type that a field no longer has. What read says before the write then stands for
// it, so that the entity can still be written, and its Versions go on.
func TestEntityIsWrittenAfterAFieldGotAnotherType(t *testing.T) {
	for _, refreshed := range []bool{false, true} {
		log := newBytesLog()
		old := newWriteWorld[Link](t, log, nil)
		old.mutate("a", Link{Limits: map[string]string{"x": "1"}})
		if err := old.reg.Close(); err != nil {
			t.Fatal(err)
		}

		var heard []string
		reg := newRegistry(t, &entity.Options{Log: log, OnError: func(err error) { heard = append(heard, err.Error()) }})
		host := newTable[Younger]()
		h := define(t, reg, "thing", host.read, nil)
		host.put("a", Younger{map[string]int{"x": 1}})
		if refreshed {
			if err := h.Refresh(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		c, err := h.Mutate(t.Context(), "a", host.set("a", Younger{map[string]int{"x": 2}}), nil)
		if err != nil {
			t.Fatalf("refreshed before: %t: %v", refreshed, err)
		}
		if c.Version != 2 || c.Prev == nil || c.Prev.Limits["x"] != 1 || c.Next.Limits["x"] != 2 {
			t.Errorf("refreshed before: %t: the change is %+v, from %+v to %+v", refreshed, c.Change, c.Prev, c.Next)
		}
		if len(heard) != 1 || !strings.Contains(heard[0], `"a" is forgotten`) {
			t.Errorf("refreshed before: %t: OnError heard %q", refreshed, heard)
		}
	}
}
