package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/slokeep/slokeep/storage"
)

// records are those of one kind: under each ID its records by Sub, and the IDs in order. Whoever reads them copies what he
// needs under the lock, so that they are changed in place.
type records struct {
	ids     map[string][]storage.Record
	order   []string
	sorting sync.Mutex // readers sort
	sorted  bool       // whether order is
}

// drafts are what a transaction has written of one kind.
type drafts struct {
	writes map[storage.Key]write
	subs   map[string][]storage.Key // by ID: those of the writes that have a Sub
}

// write is what a transaction does to a record.
type write struct {
	data    []byte
	deleted bool
	added   bool // where the key was free: who has put something there and committed since comes after it
}

// draft notes what the transaction does to a record.
func (w *writes) draft(key storage.Key, does write) {
	of := w.records[key.Kind]
	if of == nil {
		of = &drafts{map[storage.Key]write{}, map[string][]storage.Key{}}
		w.records[key.Kind] = of
	}
	if _, known := of.writes[key]; !known && key.Sub != "" {
		of.subs[key.ID] = append(of.subs[key.ID], key)
	}
	of.writes[key] = does
}

// drafted says what the transaction does to a record, if it does anything.
func (w *writes) drafted(key storage.Key) (does write, ok bool) {
	if of := w.records[key.Kind]; of != nil {
		does, ok = of.writes[key]
	}
	return does, ok
}

func (of *drafts) clear() {
	clear(of.writes)
	clear(of.subs)
}

func (s *Store) table(kind string) *records {
	of := s.records[kind]
	if of == nil {
		of = &records{ids: map[string][]storage.Record{}, sorted: true}
		s.records[kind] = of
	}
	return of
}

func compareSub(r storage.Record, sub string) int { return strings.Compare(r.Sub, sub) }

func compareKeys(a, b storage.Key) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID), strings.Compare(a.Sub, b.Sub))
}

// put commits a write.
func (of *records) put(key storage.Key, w write) {
	list := of.ids[key.ID]
	i, found := slices.BinarySearchFunc(list, key.Sub, compareSub)
	switch {
	case found && w.added:
	case found && w.deleted:
		if list = slices.Delete(list, i, i+1); len(list) == 0 {
			of.forget(key.ID)
			return
		}
		of.ids[key.ID] = list
	case w.deleted:
	case found:
		list[i].Data = w.data
	default:
		if len(list) == 0 {
			of.learn(key.ID)
		} else {
			key.Kind, key.ID = list[0].Kind, list[0].ID // the strings that are kept already
		}
		of.ids[key.ID] = slices.Insert(list, i, storage.Record{Key: key, Data: w.data})
	}
}

func (of *records) learn(id string) {
	of.sorted = of.sorted && (len(of.order) == 0 || of.order[len(of.order)-1] < id)
	of.order = append(of.order, id)
}

func (of *records) forget(id string) {
	delete(of.ids, id)
	i := 0
	if of.sorted {
		i, _ = slices.BinarySearch(of.order, id)
	} else {
		i = slices.Index(of.order, id) // to sort for each of many would take longer
	}
	of.order = slices.Delete(of.order, i, i+1)
}

// inOrder returns the IDs in order, sorted by the first who wants them so. They stay so while Store.mu is held.
func (of *records) inOrder() []string {
	of.sorting.Lock()
	defer of.sorting.Unlock()
	if !of.sorted {
		slices.Sort(of.order)
		of.sorted = true
	}
	return of.order
}

// Put writes records; see [storage.Records].
func (s *Store) Put(ctx context.Context, list []storage.Record) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "", nil, func(t *tx) {
		for i := range list {
			t.draft(list[i].Key, write{data: bytes.Clone(list[i].Data)})
		}
	})
}

// Add writes records where there are none; see [storage.Records].
func (s *Store) Add(ctx context.Context, list []storage.Record) ([]bool, error) {
	if len(list) == 0 {
		return nil, nil
	}
	locks := make([]string, len(list))
	for i := range list {
		locks[i] = list[i].Kind + "\x00" + list[i].ID + "\x00" + list[i].Sub
	}
	added := make([]bool, len(list))
	err := s.write(ctx, "storage record", locks, func(t *tx) {
		for i := range list {
			key := list[i].Key
			if added[i] = !t.hasRecord(s, key); added[i] {
				_, mine := t.drafted(key) // it has deleted what may be there
				t.draft(key, write{data: bytes.Clone(list[i].Data), added: !mine})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func (t *tx) hasRecord(s *Store, key storage.Key) bool {
	if w, ok := t.drafted(key); ok {
		return !w.deleted
	}
	of := s.records[key.Kind]
	if of == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(of.ids[key.ID], key.Sub, compareSub)
	return found
}

// Delete deletes records; see [storage.Records].
func (s *Store) Delete(ctx context.Context, keys []storage.Key) error {
	if len(keys) == 0 {
		return nil
	}
	return s.write(ctx, "", nil, func(t *tx) {
		for _, r := range t.named(s, keys) {
			t.draft(r.Key, write{deleted: true})
		}
	})
}

// Get lists the records that keys name; see [storage.Records].
func (s *Store) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	return func(yield func(storage.Record, error) bool) {
		var list []storage.Record
		err := s.read(ctx, func(t *tx) { list = t.named(s, keys) })
		yieldAll(list, err, yield)
	}
}

func yieldAll(list []storage.Record, err error, yield func(storage.Record, error) bool) {
	if err != nil {
		yield(storage.Record{}, err)
		return
	}
	for _, r := range list {
		if !yield(r, nil) {
			return
		}
	}
}

// named returns the records that keys name, as the transaction sees them, in order.
func (t *tx) named(s *Store, keys []storage.Key) []storage.Record {
	list := make([]storage.Record, 0, len(keys))
	for _, key := range keys {
		var under []storage.Record
		if of := s.records[key.Kind]; of != nil {
			under = of.ids[key.ID]
		}
		if key.Sub == "" {
			list = append(list, under...)
		} else if i, found := slices.BinarySearchFunc(under, key.Sub, compareSub); found {
			list = append(list, under[i])
		}
	}
	list = t.overlaid(list, keys)
	slices.SortFunc(list, func(a, b storage.Record) int { return compareKeys(a.Key, b.Key) })
	return slices.CompactFunc(list, func(a, b storage.Record) bool { return a.Key == b.Key })
}

// overlaid lays what the transaction has written of keys over the committed records that they name.
func (t *tx) overlaid(list []storage.Record, keys []storage.Key) []storage.Record {
	if len(t.records) == 0 {
		return list
	}
	list = t.untouched(list)
	for _, key := range keys {
		of := t.records[key.Kind]
		if of == nil {
			continue
		}
		list = of.appendTo(list, key)
		if key.Sub == "" {
			for _, under := range of.subs[key.ID] {
				list = of.appendTo(list, under)
			}
		}
	}
	return list
}

// untouched leaves those of the records that the transaction has not written.
func (t *tx) untouched(list []storage.Record) []storage.Record {
	return slices.DeleteFunc(list, func(r storage.Record) bool {
		_, written := t.drafted(r.Key)
		return written
	})
}

// appendTo adds what was written under a key, if that is a record.
func (of *drafts) appendTo(list []storage.Record, key storage.Key) []storage.Record {
	if w, written := of.writes[key]; written && !w.deleted {
		list = append(list, storage.Record{Key: key, Data: w.data})
	}
	return list
}

// List lists a range of records; see [storage.Records].
func (s *Store) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return func(yield func(storage.Record, error) bool) {
		var list []storage.Record
		err := s.read(ctx, func(t *tx) { list = t.list(s, r) })
		yieldAll(list, err, yield)
	}
}

// list returns a range as the transaction sees it. What it has written hides at most as many committed records.
func (t *tx) list(s *Store, r storage.Range) []storage.Record {
	r.After.Kind, r.To.Kind = r.Kind, r.Kind
	of := t.records[r.Kind]
	committed := r
	if r.Limit > 0 && of != nil {
		committed.Limit += len(of.writes)
	}
	list := s.records[r.Kind].list(committed)
	if of != nil && len(of.writes) > 0 {
		list = t.untouched(list)
		for key := range of.writes {
			if within(&r, key) {
				list = of.appendTo(list, key)
			}
		}
		slices.SortFunc(list, func(a, b storage.Record) int { return compareKeys(a.Key, b.Key) })
		if r.Backward {
			slices.Reverse(list)
		}
	}
	if r.Limit > 0 && len(list) > r.Limit {
		list = list[:r.Limit]
	}
	return list
}

func bounded(r *storage.Range) bool { return r.To.ID != "" || r.To.Sub != "" }

func within(r *storage.Range, key storage.Key) bool {
	return compareKeys(key, r.After) > 0 && (!bounded(r) || compareKeys(key, r.To) < 0)
}

// list returns a range of what is committed.
func (of *records) list(r storage.Range) []storage.Record {
	if of == nil {
		return nil
	}
	order := of.inOrder()
	low, _ := slices.BinarySearch(order, r.After.ID)
	high := len(order)
	if bounded(&r) {
		var found bool
		if high, found = slices.BinarySearch(order, r.To.ID); found {
			high++
		}
	}
	var list []storage.Record
	for n := range max(high-low, 0) {
		at := low + n
		if r.Backward {
			at = high - 1 - n
		}
		under := cut(of.ids[order[at]], &r)
		for i := range under {
			if r.Backward {
				i = len(under) - 1 - i
			}
			if list = append(list, under[i]); len(list) == r.Limit {
				return list
			}
		}
	}
	return list
}

// cut returns those of an ID's records that are in a range.
func cut(under []storage.Record, r *storage.Range) []storage.Record {
	compare := func(r storage.Record, key storage.Key) int { return compareKeys(r.Key, key) }
	if bounded(r) {
		high, _ := slices.BinarySearchFunc(under, r.To, compare)
		under = under[:high]
	}
	low, found := slices.BinarySearchFunc(under, r.After, compare)
	if found {
		low++
	}
	return under[low:]
}
