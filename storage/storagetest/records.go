package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/storage"
)

var recordLaws = []law{
	{
		name: "a record is replaced as a whole",
		why: `Put writes records in place of those that have their keys; of two with one key in a call the last stands. Kind, ID
and Sub are the key, all three.`,
		check: func(w *world) {
			other := rec("a", "1", "of another kind")
			other.Kind = "week"
			w.put(rec("a", "", "old"), rec("a", "1", "one"), rec("b", "1", "two"), other)
			w.put(rec("a", "", "first"), rec("c", "", "three"), rec("a", "", "last"))
			w.records("Get", []storage.Key{key("a", ""), key("b", ""), key("c", "")},
				rec("a", "", "last"), rec("a", "1", "one"), rec("b", "1", "two"), rec("c", "", "three"))
			w.records("Get of another kind", []storage.Key{other.Key}, other)
		},
	},
	{
		name: "a record comes back as it was given",
		why: `ID, Sub and Data come back byte for byte. An ID may be empty or have 256 bytes, a Sub 1024; Data is any bytes, NUL and
invalid UTF-8 among them, none or ten thousand.`,
		check: func(w *world) {
			long := strings.Repeat("☃", 341) + "x"
			records := []storage.Record{
				rec("", "", "no ID"), rec("", "sub", "no ID"), rec("a", "", ""), rec("a", "1", "\x00\xff\x00"), rec("a", "2", " "),
				rec("b", "", strings.Repeat("0123456789", 1000)), rec("c", long, "a"), rec("c", long[:1023]+"y", "b"),
				rec(long[:255]+"z", "", "c"),
			}
			w.put(records...)
			for _, r := range records {
				if r.Sub == "" && r.ID != "b" {
					continue
				}
				w.records("Get", []storage.Key{r.Key}, r)
			}
			got, err := get(w.ctx, w.other, key("", ""), key("a", ""), key("b", ""), key("c", ""), key(long[:255]+"z", ""))
			w.must("Get", err)
			w.same("Get of all", got, showAll(records, showRecord))
			w.flags("Add", w.add(records...), make([]bool, len(records))...)
		},
	},
	{
		name: "a key without a Sub names all of its ID",
		why: `Get and Delete take a key with an empty Sub for all records of its Kind and ID, that with an empty Sub among them. A
record that several keys name comes once.`,
		check: func(w *world) {
			a, b := []storage.Record{rec("a", "", "0"), rec("a", "1", "1"), rec("a", "2", "2")}, rec("b", "1", "3")
			w.put(append(a, b, rec("b", "2", "4"), rec("aa", "", "5"))...)
			asked := []storage.Key{key("b", "1"), key("a", ""), key("a", "2"), key("a", ""), key("b", "1"), key("c", "")}
			w.records("Get", asked, append(a, b)...)
		},
	},
	{
		name: "records are listed by Kind, ID and Sub, as bytes",
		why: `Get yields in the order of (Kind, ID, Sub), List in that of (ID, Sub), each compared by its bytes (COLLATE "C") and by
itself: not folded, and not joined with a separator that sorts among what occurs in them.`,
		check: func(w *world) {
			var records []storage.Record
			for _, kind := range []string{day, "days"} {
				for _, id := range oddIDs() {
					for _, sub := range []string{"", id, "~"} {
						if sub == "~" && id == "~" {
							continue
						}
						records = append(records, storage.Record{Key: storage.Key{Kind: kind, ID: id, Sub: sub}, Data: []byte(id)})
					}
				}
			}
			slices.SortFunc(records, byKey)
			shuffled := slices.Clone(records)
			for i := range shuffled {
				j := (i * 7919) % len(shuffled)
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
			w.put(shuffled...)
			keys := make([]storage.Key, len(shuffled))
			for i, r := range shuffled {
				keys[i] = r.Key
			}
			w.records("Get", keys, records...)
			got, err := list(w.ctx, w.other, storage.Range{Kind: day})
			w.must("List", err)
			w.same("List", got, showAll(records[:len(records)/2], showRecord))
		},
	},
	{
		name: "adding writes where a key is free",
		why: `Add leaves a record that is there as it is, and says so. Of two with one key in a call the first is written. The free
key is the whole key: a record beside it, under the same ID, does not matter.`,
		check: func(w *world) {
			w.put(rec("a", "1", "old"), rec("b", "", "old"))
			got := w.add(rec("a", "", "new"), rec("a", "1", "new"), rec("b", "", "new"), rec("c", "", "first"), rec("c", "", "second"))
			w.flags("Add", got, true, false, false, true, false)
			w.records("Get", []storage.Key{key("a", ""), key("b", ""), key("c", "")},
				rec("a", "", "new"), rec("a", "1", "old"), rec("b", "", "old"), rec("c", "", "first"))
		},
	},
	{
		name: "deleting takes what the keys name",
		why: `Delete of a whole key deletes that record, of a key without a Sub all that lies under the ID. What is not there is
passed over, and a key that was deleted is free.`,
		check: func(w *world) {
			w.put(rec("a", "", ""), rec("a", "1", ""), rec("b", "", ""), rec("b", "1", ""), rec("b", "2", ""), rec("c", "1", ""))
			w.delete(key("a", ""), key("b", "1"), key("b", "3"), key("nobody", ""))
			all := []storage.Key{key("a", ""), key("b", ""), key("c", "")}
			w.records("Get", all, rec("b", "", ""), rec("b", "2", ""), rec("c", "1", ""))
			w.flags("Add", w.add(rec("a", "1", "again"), rec("b", "2", "again")), true, false)
			w.records("Get", all, rec("a", "1", "again"), rec("b", "", ""), rec("b", "2", ""), rec("c", "1", ""))
		},
	},
	{
		name: "many records come in one call",
		why: `Put, Add, Get, List and Delete take ten thousand as they take one: a limit of bound values, of a packet or of a page
of rows is the adapter's to work around.`,
		check: func(w *world) {
			n := many
			records, keys := make([]storage.Record, n), make([]storage.Key, n)
			for i := range records {
				records[i] = rec(fmt.Sprintf("%05d", i), fmt.Sprint(i%2), "x")
				keys[i] = records[i].Key
			}
			w.put(records[:n/2]...)
			if added := w.add(records...); len(added) != n || slices.Contains(added[:n/2], true) || slices.Contains(added[n/2:], false) {
				w.Errorf("Add of %d records, of which the first half is there, does not say so", n)
			}
			w.records("Get", keys, records...)
			got, err := list(w.ctx, w.other, storage.Range{Kind: day})
			w.must("List", err)
			w.same("List", got, showAll(records, showRecord))
			w.delete(keys[1:]...)
			w.records("Get of what was not deleted", keys, records[0])
		},
	},
	{
		name: "one of those who add a key at once adds it",
		why: `Who adds a key that another transaction has added waits for its end: after a commit the key is not free, after a
rollback it is. INSERT ... ON CONFLICT DO NOTHING does it; to look and then insert does not.`,
		check: func(w *world) {
			w.contendForOne(func(ctx context.Context, s storage.Store, id string) (bool, error) {
				added, err := s.Add(ctx, []storage.Record{rec(id, "", "x")})
				return len(added) == 1 && added[0], err
			})
		},
	},
	{
		name: "what is put over an added record stays",
		why: `Of two transactions that write one key at once, one comes after the other: who puts a record while another
transaction has added it replaces it, whichever commits first. That transaction was told that the key was free, so
that it comes first.`,
		check: func(w *world) {
			var putter <-chan error
			w.tx(func(ctx context.Context) error {
				if _, err := w.store.Add(ctx, []storage.Record{rec("a", "", "added")}); err != nil {
					return err
				}
				done := make(chan struct{}, 1)
				putter = w.async(func() error {
					defer func() { done <- struct{}{} }()
					return w.other.Put(w.ctx, []storage.Record{rec("a", "", "put")})
				})
				w.soon(done) // in vain where it waits
				return nil
			})
			w.must("Put", w.within("Put", putter))
			w.records("Get", []storage.Key{key("a", "")}, rec("a", "", "put"))
		},
	},
	{
		name: "one of those who put a fact at once puts it",
		why: `Who puts a fact that another transaction has put waits for its end: after a commit it is not new, after a rollback it
is. Whether it is new says whether a version is bumped, so that none may be told a wrong one.`,
		check: func(w *world) {
			w.contendForOne(func(ctx context.Context, s storage.Store, id string) (bool, error) {
				added, err := s.PutFacts(ctx, []storage.Fact{fact("", id, "a")})
				return len(added) == 1 && added[0], err
			})
		},
	},
}

func byKey(a, b storage.Record) int {
	return slices.Compare([]string{a.Kind, a.ID, a.Sub}, []string{b.Kind, b.ID, b.Sub})
}

// contendForOne has two transactions want what one can have: the second gets it where the first rolls back.
func (w *world) contendForOne(want func(ctx context.Context, s storage.Store, id string) (bool, error)) {
	w.Helper()
	for _, end := range []error{nil, errBoom} {
		id := fmt.Sprint("id ", end)
		got := w.contend(end, func(ctx context.Context, s storage.Store) (string, error) {
			added, err := want(ctx, s, id)
			return fmt.Sprint(added), err
		})
		if got != fmt.Sprint(end != nil) {
			w.Errorf("after a transaction that ended with %v, whether it was new to the one who waited: %s", end, got)
		}
	}
}

// contend runs f in two transactions, the second of which begins when the first has run it and ends when the first has
// ended with end. It returns what f says in the second.
func (w *world) contend(end error, f func(ctx context.Context, s storage.Store) (string, error)) (said string) {
	w.Helper()
	var second <-chan error
	err := w.store.InTx(w.ctx, func(ctx context.Context) error {
		if _, err := f(ctx, w.store); err != nil {
			return err
		}
		got := make(chan struct{}, 1)
		second = w.async(func() error {
			return w.other.InTx(w.ctx, func(ctx context.Context) (err error) {
				said, err = f(ctx, w.other)
				got <- struct{}{}
				return err
			})
		})
		w.soon(got) // in vain, where it waits as it must
		return end
	})
	if err != end && (end == nil || !strings.Contains(err.Error(), end.Error())) {
		w.Fatalf("the first transaction: %v", err)
	}
	w.must("the second transaction", w.within("the second transaction", second))
	return said
}

// beside runs read again and again beside transactions that write.
func (w *world) beside(read func(ctx context.Context, s storage.Store) error, write func(ctx context.Context, s storage.Store, i int) error) {
	w.Helper()
	const writes = 30
	stop := make(chan struct{})
	reader := w.async(func() error {
		for {
			if err := read(w.ctx, w.other); err != nil {
				return err
			}
			select {
			case <-stop:
				return nil
			case <-pause():
			}
		}
	})
	for i := range writes {
		w.tx(func(ctx context.Context) error { return write(ctx, w.store, i) })
		<-pause()
	}
	close(stop)
	w.must("a reader", w.within("a reader", reader))
}
