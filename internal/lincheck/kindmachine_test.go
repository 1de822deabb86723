package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/internal/lincheck"
	"github.com/slokeep/slokeep/storage/sqlite"
	"pgregory.net/rapid"
)

func TestRegistryIsItsModel(t *testing.T) {
	t.Run("on Memory", func(t *testing.T) {
		machine(t, shareOfMachine, kindMachine(func(*rapid.T) []end { return onMemory(t)[:2] }))
	})
	t.Run("on SQLite", func(t *testing.T) {
		machine(t, shareOfMachine, kindMachine(func(rt *rapid.T) []end {
			path := filepath.Join(t.TempDir(), fmt.Sprint(time.Now().UnixNano()))
			var list []end
			for range 2 {
				log, err := openTemplate(t, path)
				if err != nil {
					rt.Fatal(err)
				}
				rt.Cleanup(func() {
					if err := log.Close(); err != nil {
						rt.Error(err)
					}
				})
				list = append(list, end{log, sqliteTable{log}})
			}
			makeThings(t, list[0].log.(*sqlite.Log))
			return list
		}))
	})
}

// kindMachine does at random what can be done with a kind, through two registries whose clocks differ, and does the same
// with its model.
func kindMachine(open func(*rapid.T) []end) func(*rapid.T) {
	return func(t *rapid.T) {
		m := &kindState{ctx: t.Context(), model: lincheck.NewKindModel(rapid.Bool().Draw(t, "external"))}
		for i, at := range open(t) {
			m.begin(t, at, time.Duration(i)*1500*time.Millisecond)
		}
		t.Repeat(rapid.StateMachineActions(m))
		m.Settle(t)
	}
}

// kindState is a kind under test. Its exported methods are what can be done.
type kindState struct {
	ctx   context.Context
	model *lincheck.KindModel
	sides []*side
}

// side is one of the registries.
type side struct {
	end
	clock  *simclock.Clock
	reg    *entity.Registry
	things *entity.Handle[lincheck.State]
	got    chan lincheck.Change
	seen   []lincheck.Change // that were delivered
}

var kindIDs = []string{"a", "b", "c"}

func (m *kindState) begin(t *rapid.T, at end, behind time.Duration) {
	s := &side{end: at, clock: simclock.New(noon.Add(-behind)), got: make(chan lincheck.Change, 10000)}
	var err error
	s.reg, err = entity.NewRegistry(&entity.Options{
		Log: at.log, Clock: s.clock, Poll: time.Millisecond, OnError: func(err error) { t.Errorf("OnError: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.reg.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	s.things, err = entity.Define(s.reg, kind, at.table.read, &entity.KindOptions[lincheck.State]{External: m.model.External})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.things.OnChange(func(_ context.Context, c entity.Typed[lincheck.State]) error {
		s.got <- lincheck.ChangeOf(c)
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.reg.Start(m.ctx); err != nil {
		t.Fatal(err)
	}
	m.sides = append(m.sides, s)
}

func (m *kindState) side(t *rapid.T) *side {
	return m.sides[rapid.IntRange(0, len(m.sides)-1).Draw(t, "registry")]
}

// put is a write of the host and of the model.
func (m *kindState) put(ctx context.Context, s *side, id string, state *lincheck.State) error {
	m.model.Put(id, state)
	return s.table.put(ctx, id, state)
}

func drawState(t *rapid.T, gone bool) *lincheck.State {
	if gone && rapid.IntRange(0, 4).Draw(t, "gone") == 0 {
		return nil
	}
	return &lincheck.State{Name: pick(t, "name", names[:3]), Count: rapid.Int64Range(0, 1).Draw(t, "count")}
}

// Mutate writes one entity or several, in one way or another. The write of several may leave some as they are.
func (m *kindState) Mutate(t *rapid.T) {
	s, way, actor := m.side(t), rapid.IntRange(0, 6).Draw(t, "way"), pick(t, "actor", actors)
	ids := slices.Sorted(slices.Values(some(t, "ids", kindIDs)))
	states := map[string]*lincheck.State{}
	for _, id := range ids {
		if rapid.Bool().Draw(t, "written") {
			states[id] = drawState(t, true)
		}
	}
	opts := &entity.MutateOptions{Actor: actor}
	var got []entity.Typed[lincheck.State]
	want, wantErr := m.model.Write(ids, actor, s.clock.Now(), false, func() (err error) {
		got, err = s.things.MutateMany(s.table.begin(m.ctx), ids, func(ctx context.Context) error {
			for id, state := range states {
				if err := m.put(ctx, s, id, state); err != nil {
					return err
				}
			}
			if way == 0 {
				return lincheck.ErrWrite
			}
			return nil
		}, opts)
		return err
	})
	m.agree(t, "MutateMany", want, wantErr, got, wantErr, way == 0)
}

// One writes one entity, with another one inside of the write, now and then.
func (m *kindState) One(t *rapid.T) {
	s, id, inner := m.side(t), pick(t, "id", kindIDs), pick(t, "inner", kindIDs)
	way, state, innerState := rapid.IntRange(0, 5).Draw(t, "way"), drawState(t, true), drawState(t, true)
	var got entity.Typed[lincheck.State]
	want, err := m.model.Write([]string{id}, entity.System, s.clock.Now(), false, func() (err error) {
		got, err = s.things.Mutate(s.table.begin(m.ctx), id, func(ctx context.Context) error {
			if err := m.put(ctx, s, id, state); err != nil {
				return err
			}
			if way > 1 {
				return nil
			}
			if err := m.inner(ctx, t, s, id, inner, innerState, way == 0); way > 0 {
				return err
			}
			return nil // the inner error dooms the whole, whatever is returned here
		}, nil)
		return err
	})
	m.agree(t, "Mutate", want, err, []entity.Typed[lincheck.State]{got}, err, way == 0)
}

// inner is a Mutate inside of a write: part of it where it is of the same entity, else one of its own.
func (m *kindState) inner(ctx context.Context, t *rapid.T, s *side, outer, id string, state *lincheck.State, fails bool) error {
	write := func(ctx context.Context) error {
		if err := m.put(ctx, s, id, state); err != nil || !fails {
			return err
		}
		return lincheck.ErrWrite
	}
	mutate := func(write func(context.Context) error) (entity.Typed[lincheck.State], error) {
		return s.things.Mutate(ctx, id, write, &entity.MutateOptions{Actor: actors[1]})
	}
	if id == outer {
		got, err := mutate(write)
		m.agree(t, "the inner Mutate of the same", nil, err, []entity.Typed[lincheck.State]{got}, err, fails)
		return err
	}
	var got entity.Typed[lincheck.State]
	want, err := m.model.Write([]string{id}, actors[1], s.clock.Now(), false, func() (err error) {
		got, err = mutate(write)
		return err
	})
	m.agree(t, "the inner Mutate", want, err, []entity.Typed[lincheck.State]{got}, err, fails)
	return err
}

// Remove deletes an entity, or says so and does not.
func (m *kindState) Remove(t *rapid.T) {
	s, id, keeps := m.side(t), pick(t, "id", kindIDs), rapid.IntRange(0, 4).Draw(t, "keeps") == 0
	var got entity.Typed[lincheck.State]
	var gotErr error
	want, wantErr := m.model.Write([]string{id}, entity.System, s.clock.Now(), true, func() error {
		got, gotErr = s.things.Remove(s.table.begin(m.ctx), id, func(ctx context.Context) error {
			if keeps {
				return nil
			}
			return m.put(ctx, s, id, nil)
		}, nil)
		return nil // whether it fails is the model's to say
	})
	m.agree(t, "Remove", want, wantErr, []entity.Typed[lincheck.State]{got}, gotErr, wantErr != nil)
	if wantErr != nil && !errors.Is(gotErr, entity.ErrRead) {
		t.Fatalf("Remove that removes nothing: %v", gotErr)
	}
}

// agree compares what was published, and whether it failed.
func (m *kindState) agree(t *rapid.T, what string, want []lincheck.Change, wantErr error, got []entity.Typed[lincheck.State], gotErr error, fails bool) {
	if (wantErr != nil) != fails || (gotErr != nil) != fails {
		t.Fatalf("%s: the model says %v, the registry %v, and that it fails is %v", what, wantErr, gotErr, fails)
	}
	var changes []lincheck.Change
	for _, c := range got {
		if c.Version > 0 {
			changes = append(changes, lincheck.ChangeOf(c))
		}
	}
	equal(t, what, want, changes)
}

// Refresh looks at entities that nobody wrote.
func (m *kindState) Refresh(t *rapid.T) {
	s, ids := m.side(t), slices.Sorted(slices.Values(some(t, "ids", kindIDs)))
	if err := s.things.Refresh(m.ctx, ids...); err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	m.model.Refresh(ids, s.clock.Now())
}

// Past writes rows past the framework.
func (m *kindState) Past(t *rapid.T) {
	s, id, state := m.side(t), pick(t, "id", kindIDs), drawState(t, true)
	err := s.log.InTx(s.table.begin(m.ctx), func(ctx context.Context) error { return m.put(ctx, s, id, state) })
	if err != nil {
		t.Fatal(err)
	}
}

// Wait moves one of the clocks.
func (m *kindState) Wait(t *rapid.T) {
	m.side(t).clock.Advance(time.Duration(rapid.IntRange(0, 4_000_000).Draw(t, "µs")) * time.Microsecond)
}

// History asks since when a field has its value, and how often it got another.
func (m *kindState) History(t *rapid.T) {
	s, id, field := m.side(t), pick(t, "id", kindIDs), pick(t, "field", []string{"count", "name"})
	since, known, err := s.things.InStateSince(m.ctx, id, field)
	wantSince, wantKnown := m.model.Since(id, field)
	equal(t, "InStateSince "+field, []any{wantSince, wantKnown, nil}, []any{since, known, err})
	d, known, err := s.things.InStateFor(m.ctx, id, field)
	var want time.Duration
	if wantKnown {
		want = max(0, s.clock.Now().Sub(wantSince))
	}
	equal(t, "InStateFor "+field, []any{want, wantKnown, nil}, []any{d, known, err})
	lookback := time.Duration(rapid.IntRange(0, 20_000_000).Draw(t, "lookback")) * time.Microsecond
	n, err := s.things.TransitionCount(m.ctx, id, field, lookback)
	equal(t, "TransitionCount "+field, []any{m.model.Transitions(id, field, s.clock.Now().Add(-lookback)), nil}, []any{n, err})
}

// Check compares what is there.
func (m *kindState) Check(t *rapid.T) {
	figures.steps.Add(1)
	for i, id := range kindIDs {
		s := m.sides[i%len(m.sides)]
		v, err := s.things.Version(m.ctx, id)
		equal(t, "the version of "+id, []any{m.model.Version(id), nil}, []any{v, err})
		state, err := row(m.ctx, s.table, id)
		equal(t, "the row of "+id, []any{m.model.Row(id), nil}, []any{state, err})
	}
}

// Settle waits for what is delivered, and compares it, entity by entity: of what one transaction published of several,
// nobody promises an order.
func (m *kindState) Settle(t *rapid.T) {
	want := byEntity(m.model.Feed)
	for i, s := range m.sides {
		if err := s.reg.Settle(m.ctx); err != nil {
			t.Fatal(err)
		}
		for len(s.got) > 0 {
			c := <-s.got
			c.Position = 0 // nudges have Positions too
			s.seen = append(s.seen, c)
		}
		equal(t, fmt.Sprint("delivered by registry ", i), want, byEntity(s.seen))
	}
}

func byEntity(changes []lincheck.Change) map[string][]lincheck.Change {
	lists := map[string][]lincheck.Change{}
	for _, c := range changes {
		lists[c.ID] = append(lists[c.ID], c)
	}
	return lists
}
