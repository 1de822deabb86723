package entitytest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
)

func change(version int64) entity.Typed[order] {
	return entity.Typed[order]{Change: entity.Change{Kind: "order", ID: "a", Version: version}, Next: &order{"paid"}}
}

func versions(changes []entity.Typed[order]) []int64 {
	var list []int64
	for _, c := range changes {
		list = append(list, c.Version)
	}
	return list
}

func TestRecorder(t *testing.T) {
	// record gives changes to a Recorder after a second each.
	record := func(t *testing.T, r *entitytest.Recorder[order], n int64) {
		go func() {
			for version := range n {
				time.Sleep(time.Second)
				if err := r.Handle(t.Context(), change(version+1)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for what, f := range map[string]func(t *testing.T){
		"a recorder that has heard nothing has nothing": func(t *testing.T) {
			var r entitytest.Recorder[order] // the zero one, too
			if got, err := r.Wait(t.Context(), 0); len(got)+len(r.Changes()) != 0 || err != nil {
				t.Errorf("Wait for none returned %v, %v", got, err)
			}
		},
		"a wait ends with the change that it waits for": func(t *testing.T) {
			r, start := entitytest.NewRecorder[order](), time.Now()
			record(t, r, 3)
			got, err := r.Wait(t.Context(), 2)
			if err != nil || !slices.Equal(versions(got), []int64{1, 2}) || time.Since(start) != 2*time.Second {
				t.Errorf("after %v, Wait returned %v, %v", time.Since(start), versions(got), err)
			}
			c, err := r.WaitFor(t.Context(), func(c entity.Typed[order]) bool { return c.Version == 3 })
			if err != nil || c.Version != 3 || time.Since(start) != 3*time.Second {
				t.Errorf("after %v, WaitFor returned %v, %v", time.Since(start), c, err)
			}
		},
		"a wait for what was recorded before ends at once": func(t *testing.T) {
			r := entitytest.NewRecorder[order]()
			record(t, r, 3)
			time.Sleep(time.Minute)
			start := time.Now()
			got, err := r.Wait(t.Context(), 2)
			c, err2 := r.WaitFor(t.Context(), func(c entity.Typed[order]) bool { return c.Version >= 2 })
			if err := errors.Join(err, err2); err != nil || len(got) != 3 || c.Version != 2 || time.Since(start) != 0 {
				t.Errorf("after %v, the waits returned %v, %v, %v", time.Since(start), versions(got), c, err)
			}
		},
		"a wait ends with its ctx and names what there is": func(t *testing.T) {
			r := entitytest.NewRecorder[order]()
			record(t, r, 1)
			time.Sleep(time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			got, err := r.Wait(ctx, 2)
			ended := errors.Is(err, context.DeadlineExceeded)
			if !slices.Equal(versions(got), []int64{1}) || !ended || !strings.Contains(err.Error(), `1, ["order a 1"]`) {
				t.Errorf("Wait returned %v, %v", versions(got), err)
			}
			r.Reset()
			_, err = r.WaitFor(ctx, func(entity.Typed[order]) bool { return true })
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "none") {
				t.Errorf("WaitFor returned %v", err)
			}
		},
		"what was reset is forgotten, also by who waits": func(t *testing.T) {
			r := entitytest.NewRecorder[order]()
			record(t, r, 5)
			time.AfterFunc(2500*time.Millisecond, r.Reset)
			got, err := r.Wait(t.Context(), 3)
			if err != nil || !slices.Equal(versions(got), []int64{3, 4, 5}) {
				t.Errorf("Wait returned %v, %v", versions(got), err)
			}
		},
		"the changes are the caller's own": func(t *testing.T) {
			r := entitytest.NewRecorder[order]()
			record(t, r, 2)
			got, err := r.Wait(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			got[0] = change(9)
			if again := versions(r.Changes()); !slices.Equal(again, []int64{1, 2}) {
				t.Errorf("Changes returned %v", again)
			}
		},
		"a recorder is safe for concurrent use": func(t *testing.T) {
			r := entitytest.NewRecorder[order]()
			var work sync.WaitGroup
			for i := range int64(8) {
				work.Go(func() { _ = r.Handle(t.Context(), change(i)) })
				work.Go(func() {
					if _, err := r.Wait(t.Context(), 8); err != nil {
						t.Error(err)
					}
					if _, err := r.WaitFor(t.Context(), func(c entity.Typed[order]) bool { return c.Version == i }); err != nil {
						t.Error(err)
					}
				})
			}
			work.Wait()
		},
	} {
		t.Run(what, func(t *testing.T) { synctest.Test(t, f) })
	}
}
