package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Kinds of the suite's rows, where a law needs no others.
const (
	said    = "observation"
	history = "history"
	day     = "day"
)

// many are the rows of one call in the laws about calls of many; fewer where it is tried what breaks them.
var many = 10_000

// errBoom is the error of functions that fail.
var errBoom = errors.New("boom")

// errGone is the outcome of a goroutine that ended without a result.
var errGone = errors.New("the goroutine ended")

// fact is a fact; without a source it stands for itself.
func fact(source, data string, systems ...string) storage.Fact {
	return storage.Fact{Kind: said, Source: source, Systems: systems, Data: []byte(data)}
}

func rec(id, sub, data string) storage.Record {
	return storage.Record{Key: key(id, sub), Data: []byte(data)}
}

func key(id, sub string) storage.Key { return storage.Key{Kind: day, ID: id, Sub: sub} }

func versionKeys(ids ...string) []storage.VersionKey {
	keys := make([]storage.VersionKey, len(ids))
	for i, id := range ids {
		keys[i] = storage.VersionKey{Kind: history, ID: id}
	}
	return keys
}

// showFact writes a fact as the suite compares it.
func showFact(f storage.Fact) string {
	return fmt.Sprintf("%s %q %q %q", f.Kind, f.Source, f.Systems, f.Data)
}

func showRecord(r storage.Record) string {
	return fmt.Sprintf("%s %q %q %q", r.Kind, r.ID, r.Sub, r.Data)
}

// show takes a listing, in its order.
func show[T any](seq iter.Seq2[T, error], text func(T) string) ([]string, error) {
	var list []string
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, text(v))
	}
	return list, nil
}

func showAll[T any](rows []T, text func(T) string) []string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = text(row)
	}
	return list
}

// factsOf shows the data of the facts of each system, sorted, since those of one system come in any order.
func factsOf(ctx context.Context, s storage.Store, systems ...string) ([]string, error) {
	list, err := show(s.FactsOf(ctx, systems), func(f storage.SystemFact) string {
		return fmt.Sprintf("%s: %s", f.SystemID, f.Data)
	})
	slices.Sort(list)
	return list, err
}

func factsFrom(ctx context.Context, s storage.Store, sources ...string) ([]string, error) {
	list, err := show(s.FactsFrom(ctx, said, sources), showFact)
	slices.Sort(list)
	return list, err
}

func get(ctx context.Context, s storage.Store, keys ...storage.Key) ([]string, error) {
	return show(s.Get(ctx, keys), showRecord)
}

func list(ctx context.Context, s storage.Store, r storage.Range) ([]string, error) {
	return show(s.List(ctx, r), showRecord)
}

// must ends the check where err is not nil.
func (w *world) must(what string, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// same reports the first difference of two lists.
func (w *world) same(what string, got, want []string) {
	w.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	at := func(list []string) string {
		if i == len(list) {
			return "nothing"
		}
		return fmt.Sprintf("%.300s", list[i])
	}
	w.Errorf("%s: %d rows, want %d; at row %d\n got %s\nwant %s", what, len(got), len(want), i, at(got), at(want))
}

// facts checks what FactsOf shows to others: "system: data" each.
func (w *world) facts(what string, systems []string, want ...string) {
	w.Helper()
	got, err := factsOf(w.ctx, w.other, systems...)
	w.must("FactsOf", err)
	w.same(what, got, want)
}

// records checks what Get shows to others.
func (w *world) records(what string, keys []storage.Key, want ...storage.Record) {
	w.Helper()
	got, err := get(w.ctx, w.other, keys...)
	w.must("Get", err)
	w.same(what, got, showAll(want, showRecord))
}

// versions checks what Versions shows to others.
func (w *world) versions(what string, keys []storage.VersionKey, want ...int64) {
	w.Helper()
	got, err := w.other.Versions(w.ctx, keys)
	w.must("Versions", err)
	w.numbers(what, got, want...)
}

func (w *world) numbers(what string, got []int64, want ...int64) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (w *world) flags(what string, got []bool, want ...bool) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// putFacts writes facts in a transaction of their own.
func (w *world) putFacts(facts ...storage.Fact) []bool {
	w.Helper()
	added, err := w.store.PutFacts(w.ctx, facts)
	w.must("PutFacts", err)
	return added
}

func (w *world) put(records ...storage.Record) {
	w.Helper()
	w.must("Put", w.store.Put(w.ctx, records))
}

func (w *world) add(records ...storage.Record) []bool {
	w.Helper()
	added, err := w.store.Add(w.ctx, records)
	w.must("Add", err)
	return added
}

func (w *world) delete(keys ...storage.Key) {
	w.Helper()
	w.must("Delete", w.store.Delete(w.ctx, keys))
}

func (w *world) deleteFacts(systems ...string) {
	w.Helper()
	w.must("DeleteFacts", w.store.DeleteFacts(w.ctx, systems))
}

func (w *world) bump(ids ...string) []int64 {
	w.Helper()
	now, err := w.store.Bump(w.ctx, versionKeys(ids...))
	w.must("Bump", err)
	return now
}

// tx runs fn in a transaction that must commit.
func (w *world) tx(fn func(ctx context.Context) error) {
	w.Helper()
	w.must("InTx", w.store.InTx(w.ctx, fn))
}

// base writes something of everything, and change writes, replaces and deletes of everything.
func (w *world) base() {
	w.Helper()
	w.putFacts(fact("", "own", "a"), fact("", "both", "a", "b"), fact("s", "stated", "b"))
	w.bump("a")
	w.put(rec("x", "", "old"), rec("y", "1", "old"), rec("y", "2", "old"), rec("z", "1", "old"))
}

func change(ctx context.Context, s storage.Store) error {
	_, err := s.PutFacts(ctx, []storage.Fact{fact("", "new", "b"), fact("s", "restated", "c")})
	if err != nil {
		return err
	}
	if err := s.DeleteFacts(ctx, []string{"a"}); err != nil {
		return err
	}
	if _, err := s.Bump(ctx, versionKeys("a", "b")); err != nil {
		return err
	}
	if err := s.Put(ctx, []storage.Record{rec("w", "", "new"), rec("x", "", "new")}); err != nil {
		return err
	}
	if err := s.Delete(ctx, []storage.Key{key("y", "1"), key("z", "")}); err != nil {
		return err
	}
	if _, err := s.Add(ctx, []storage.Record{rec("y", "1", "again"), rec("y", "3", "new")}); err != nil {
		return err
	}
	if _, err := s.Lock(ctx, "order", []string{"o"}); err != nil {
		return err
	}
	at := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	c := entity.Change{Kind: "order", ID: "o", Version: 1, At: at, Actor: entity.System}
	return s.Append(ctx, []entity.Entry{{Head: entity.Head{ID: "o", Version: 1, At: at}, Change: c}})
}

// view shows all that base and change write.
func view(ctx context.Context, s storage.Store) ([]string, error) {
	all, err := factsOf(ctx, s, "a", "b", "c")
	if err != nil {
		return nil, err
	}
	from, err := factsFrom(ctx, s, "s")
	if err != nil {
		return nil, err
	}
	versions, err := s.Versions(ctx, versionKeys("a", "b"))
	if err != nil {
		return nil, err
	}
	named, err := get(ctx, s, key("w", ""), key("x", ""), key("y", ""), key("z", ""))
	if err != nil {
		return nil, err
	}
	listed, err := list(ctx, s, storage.Range{Kind: day})
	if err != nil {
		return nil, err
	}
	heads, err := show(s.Heads(ctx, "order", nil), func(h entity.Head) string { return fmt.Sprint("head of ", h.ID, " ", h.Version) })
	return slices.Concat(all, from, []string{fmt.Sprint("versions ", versions)}, named, listed, heads), err
}

// seen is the view of others.
func (w *world) seen() []string {
	w.Helper()
	all, err := view(w.ctx, w.other)
	w.must("reading everything", err)
	return all
}

// async runs f in a goroutine, and gives its outcome.
func (w *world) async(f func() error) <-chan error {
	outcome := make(chan error, 1)
	w.background.Go(func() {
		err := errGone
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			outcome <- err
		}()
		err = f()
	})
	return outcome
}

// within waits for an outcome as long as the suite's patience lasts.
func (w *world) within(what string, outcome <-chan error) error {
	w.Helper()
	select {
	case err := <-outcome:
		return err
	case <-time.After(w.patience):
		w.Fatalf("%s: nothing happened within %v", what, w.patience)
		return nil
	}
}

// soon waits for a signal for a moment, and reports whether it came. That it does not come is nothing wrong.
func (w *world) soon(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	case <-time.After(w.moment()):
		return false
	}
}
