package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

func TestIdleProcessesWaitForNoWriter(t *testing.T) {
	path := newFile(t)
	log, standby := openLog(t, path, nil), openLog(t, path, nil)
	token := lease(t, log, entity.LeaseRelay)
	if err := write(t.Context(), log, "a", "paid"); err != nil {
		t.Fatal(err)
	}
	feed(t, log)
	group := entity.Group{Name: "billing", Source: "kind order"}
	if _, err := log.Positions(t.Context(), group, 7); err != nil {
		t.Fatal(err)
	}
	err := log.InTx(t.Context(), func(context.Context) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		tokens, err := standby.Lease(ctx, []string{entity.LeaseRelay}, "standby", time.Hour)
		if err != nil || tokens[0] != (entity.Token{Name: entity.LeaseRelay}) {
			t.Errorf("Lease of what another has: %v, %v", tokens, err)
		}
		if n, err := standby.Relay(ctx, token, 10); n != 0 || err != nil {
			t.Errorf("Relay of an empty outbox: %d, %v", n, err)
		}
		if _, err := standby.Relay(ctx, entity.Token{Name: entity.LeaseRelay}, 10); !errors.Is(err, entity.ErrLeaseLost) {
			t.Errorf("Relay with a stale token: %v, want ErrLeaseLost", err)
		}
		if positions, err := standby.Positions(ctx, group, 9); err != nil || positions[entity.Shards-1] != 7 {
			t.Errorf("Positions of a group that is there: %v, %v", positions, err)
		}
		if position, drained, err := standby.Last(ctx); position != 1 || !drained || err != nil {
			t.Errorf("Last: %d, %v, %v", position, drained, err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("InTx: %v", err)
	}
}

func TestPositionsAreNotGivenAgain(t *testing.T) {
	path := newFile(t)
	log := openLog(t, path, nil)
	token := lease(t, log, entity.LeaseRelay)
	for range 3 {
		if err := write(t.Context(), log, "a", "paid"); err != nil {
			t.Fatal(err)
		}
	}
	feed(t, log)
	if err := log.Trim(t.Context(), token, time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("Trim: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = openLog(t, path, nil)
	if changes := feed(t, log); len(changes) != 0 {
		t.Errorf("%d changes after Trim", len(changes))
	}
	if err := write(t.Context(), log, "a", "paid"); err != nil {
		t.Fatal(err)
	}
	changes := feed(t, log)
	if position, drained, err := log.Last(t.Context()); len(changes) != 1 || changes[0].Position != 4 || position != 4 || !drained {
		t.Errorf("after Trim came %+v, and Last says %d, %v, %v: want the Position 4", changes, position, drained, err)
	}
}

func TestTrimTakesAsManyTransactionsAsItNeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("many rows in one goroutine")
	}
	log := openLog(t, newFile(t), &sqlite.Options{LoseLastOnPowerLoss: true})
	token := lease(t, log, entity.LeaseRelay)
	ids := make([]string, 1700)
	for i := range ids {
		ids[i] = fmt.Sprintf("%04d", i)
	}
	for range 2 {
		if err := log.InTx(t.Context(), func(ctx context.Context) error { return publish(ctx, log, "paid", ids...) }); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := len(feed(t, log)), 2*len(ids); got != want {
		t.Fatalf("%d changes, want %d", got, want)
	}
	heads := 0
	for h, err := range log.Heads(t.Context(), kind, nil) {
		if err != nil || h.ID != ids[heads] {
			t.Fatalf("head %d is %q, %v", heads, h.ID, err)
		}
		heads++
	}
	if heads != len(ids) {
		t.Errorf("%d heads, want %d", heads, len(ids))
	}
	trim := func(ctx context.Context) error { return log.Trim(ctx, token, time.Now().Add(time.Hour)) }
	undone := log.InTx(t.Context(), func(ctx context.Context) error { return errors.Join(trim(ctx), errBoom) })
	if got, want := len(feed(t, log)), 2*len(ids); !errors.Is(undone, errBoom) || got != want {
		t.Errorf("after a Trim that was rolled back there are %d changes, want %d; %v", got, want, undone)
	}
	if err := trim(t.Context()); err != nil {
		t.Errorf("Trim: %v", err)
	}
	var intervals int
	row := log.Querier(t.Context()).QueryRowContext(t.Context(), `SELECT count(*) FROM entity_intervals`)
	if err := row.Scan(&intervals); err != nil || intervals != len(ids) || len(feed(t, log)) != 0 {
		t.Errorf("after Trim there are %d intervals, want the %d that are open; %v", intervals, len(ids), err)
	}
}

func TestLazyCommitsStayLazyAlone(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	synchronous := func() (mode int) {
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			return log.Querier(ctx).QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&mode)
		})
		if err != nil {
			t.Fatal(err)
		}
		return mode
	}
	const full = 2
	if mode := synchronous(); mode != full {
		t.Errorf("at the start, synchronous is %d, want %d", mode, full)
	}
	lease(t, log, "a") // which nobody needs after a power loss
	if mode := synchronous(); mode != full {
		t.Errorf("after a lease, synchronous is %d, want %d", mode, full)
	}
}

func TestPublishedStateIsKeptOnce(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	same, other := &order{Name: "same"}, &order{Name: "other"}
	for i, c := range []struct {
		state, published any
		stored           string
	}{
		{same, same, "NULL"},
		{same, &order{Name: "same"}, "NULL"},
		{same, other, `'{"name":"other","total":0}'`},
		{same, nil, "'null'"},
		{nil, nil, "NULL"},
		{nil, same, `'{"name":"same","total":0}'`},
		{json.RawMessage(`{"name": "raw"}`), json.RawMessage(`{"name": "raw"}`), "NULL"},
		{(*order)(nil), nil, "NULL"},
	} {
		id := fmt.Sprint(i)
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			h := entity.Head{ID: id, State: c.state, Published: c.published}
			return log.Append(ctx, []entity.Entry{{Head: h, Change: entity.Change{Kind: kind, ID: id}}})
		})
		if err != nil {
			t.Fatalf("Append: %v", err)
		}
		var stored string
		row := log.Querier(t.Context()).QueryRowContext(t.Context(), `SELECT quote(published) FROM entity_heads WHERE id = ?`, id)
		if err := row.Scan(&stored); err != nil || stored != c.stored {
			t.Errorf("%+v: published is kept as %s, %v, want %s", c, stored, err, c.stored)
		}
		for h, err := range log.Heads(t.Context(), kind, []string{id}) {
			got := []any{h.State, h.Published}
			want := []any{raws(t, c.state), raws(t, c.published)}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: came back as %s, want %s; %v", c, got, want, err)
			}
		}
	}
}

// raws returns a state as it comes back.
func raws(t *testing.T, state any) any {
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) == "null" {
		return nil
	}
	return json.RawMessage(b)
}

func TestStateThatIsNoJSONIsAnError(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	err := log.InTx(t.Context(), func(ctx context.Context) error {
		bad := &struct{ F func() }{}
		err := log.Append(ctx, []entity.Entry{{Head: entity.Head{ID: "a", State: bad}, Change: entity.Change{Kind: kind, ID: "a"}}})
		if err == nil {
			t.Error("Append returned nil")
		}
		return nil // carelessly
	})
	if _, ok := errors.AsType[*json.UnsupportedTypeError](err); !ok {
		t.Errorf("InTx: %v, want json's error", err)
	}
}

func TestKeysThatCannotComeBackAreRefused(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	for _, key := range []string{"a\x00b", "\xff"} {
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			_, err := log.Lock(ctx, kind, []string{key})
			_, err2 := log.Lock(ctx, key, nil)
			entry := func(c entity.Change, h entity.Head, fields ...string) error {
				return log.Append(ctx, []entity.Entry{{Head: h, Change: c, Transitions: fields}})
			}
			for what, err := range map[string]error{
				"Lock of an id":    err,
				"Lock of a kind":   err2,
				"Append of a kind": entry(entity.Change{Kind: key, ID: "a"}, entity.Head{ID: "a"}),
				"Append of an id":  entry(entity.Change{Kind: kind, ID: key}, entity.Head{ID: key}),
				"Append of fields": entry(entity.Change{Kind: kind, ID: "a", Fields: []string{key}}, entity.Head{ID: "a"}),
				"a transition":     entry(entity.Change{Kind: kind, ID: "a"}, entity.Head{ID: "a"}, key),
				"PutWatch":         log.PutWatch(ctx, entity.Token{}, entity.WatchRow{Name: key}),
			} {
				if !errors.Is(err, entity.ErrInvalid) {
					t.Errorf("%s of %q: %v, want ErrInvalid", what, key, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("InTx: %v: what was refused dooms it", err)
		}
	}
	for _, name := range []string{"", " ", "a\x00"} {
		for what, ask := range map[string]func() ([]entity.Token, error){
			"name":   func() ([]entity.Token, error) { return log.Lease(t.Context(), []string{name}, "me", time.Hour) },
			"holder": func() ([]entity.Token, error) { return log.Lease(t.Context(), []string{"a"}, name, time.Hour) },
		} {
			if _, err := ask(); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("Lease with the %s %q: %v, want ErrInvalid", what, name, err)
			}
		}
	}
	if _, err := log.Lease(t.Context(), []string{"a"}, "me", -1); !errors.Is(err, entity.ErrInvalid) {
		t.Errorf("Lease for -1ns: %v, want ErrInvalid", err)
	}
}

// What people or errors say is no key: it comes back however long it is.
func TestTextComesBackAsItWas(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	token := lease(t, log, "group")
	group := entity.Group{Name: "billing", Source: "kind order"}
	if _, err := log.Positions(t.Context(), group, 0); err != nil {
		t.Fatal(err)
	}
	text := "'a\"\u0001 " + strings.Repeat("ü", 5000)
	want := entity.Pending{
		Group: group, Attempts: 3, Error: text, Parked: true,
		Change: entity.Change{
			Kind: kind, ID: strings.Repeat("ü", 128), Position: 1, Actor: entity.Actor{Type: text, ID: text, Name: text},
			Fields: []string{}, At: time.UnixMicro(-1).UTC(),
		},
	}
	if err := log.Save(t.Context(), token, entity.Progress{Group: group, Position: 1, Put: []entity.Pending{want}}); err != nil {
		t.Fatalf("Save: %v", err)
	}
	for got, err := range log.Pending(t.Context(), "") {
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Pending: %+v, %v, want %+v", got, err, want)
		}
	}
	for _, bad := range []string{"a\x00b", "\xff"} {
		for what, p := range map[string]entity.Pending{
			"error": {Error: bad, Change: entity.Change{Kind: kind, ID: "a", Position: 2}},
			"actor": {Change: entity.Change{Kind: kind, ID: "a", Position: 2, Actor: entity.Actor{Name: bad}}},
		} {
			put := entity.Progress{Group: group, Position: 2, Put: []entity.Pending{p}}
			if err := log.Save(t.Context(), token, put); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("Save with the %s %q: %v, want ErrInvalid", what, bad, err)
			}
		}
	}
	if err := log.Drop(t.Context(), group.Name); err != nil {
		t.Fatalf("Drop: %v", err)
	}
	if err := log.Save(t.Context(), token, entity.Progress{Group: group}); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("Save of a group that was dropped: %v, want ErrNotFound", err)
	}
}

func TestIntervalsOfOneInstantStayInTheirOrder(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	for range 600 { // of a clock that stands still; more than a page
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			state := &order{}
			return log.Append(ctx, []entity.Entry{{
				Head:        entity.Head{ID: "a", State: state, Published: state, At: noon},
				Transitions: []string{"name", "total"},
				Change:      entity.Change{Kind: kind, ID: "a", At: noon},
			}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for interval, err := range log.Intervals(t.Context(), kind, "a", "total", noon) {
		if err != nil || interval.Since != noon || interval.Until.IsZero() != (n == 0) {
			t.Fatalf("interval %d is %+v, %v", n, interval, err)
		}
		n++
	}
	if n != 600 {
		t.Errorf("%d intervals, want 600", n)
	}
}
