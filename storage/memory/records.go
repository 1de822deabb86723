package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/storage"
)

// records are those of one kind: under each ID its records by Sub, and the IDs in order when somebody lists them.
type records struct {
	ids    map[string][]storage.Record
	order  []string
	sorted bool // whether order is; it is made so when it is looked at
}

// write is what a transaction does to a record.
type write struct {
	data    []byte
	deleted bool
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
func (of *records) put(key storage.Key, w *write) {
	list := of.ids[key.ID]
	i, found := slices.BinarySearchFunc(list, key.Sub, compareSub)
	switch {
	case w.deleted && found && len(list) == 1:
		delete(of.ids, key.ID)
		of.forget(key.ID)
	case w.deleted && found:
		of.ids[key.ID] = slices.Concat(list[:i], list[i+1:]) // whoever reads the list goes on with the old one
	case w.deleted:
	case found:
		list = slices.Clone(list)
		list[i].Data = w.data
		of.ids[key.ID] = list
	case i == len(list):
		of.ids[key.ID] = append(list, storage.Record{Key: key, Data: w.data})
	default:
		of.ids[key.ID] = slices.Insert(slices.Clone(list), i, storage.Record{Key: key, Data: w.data})
	}
	if !found && len(list) == 0 && !w.deleted {
		of.sorted = of.sorted && (len(of.order) == 0 || of.order[len(of.order)-1] < key.ID)
		of.order = append(of.order, key.ID)
	}
}

func (of *records) forget(id string) {
	i := slices.Index(of.order, id)
	if of.sorted {
		i, _ = slices.BinarySearch(of.order, id)
	}
	of.order = slices.Delete(of.order, i, i+1)
}

// Put writes records; see [storage.Records].
func (s *Store) Put(ctx context.Context, list []storage.Record) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "", nil, func(t *tx) {
		for i := range list {
			t.put(list[i].Key, write{data: list[i].Data})
		}
	})
}

func (t *tx) put(key storage.Key, w write) {
	if t.records == nil {
		t.records = map[storage.Key]*write{}
	}
	t.records[key] = &w
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
			if added[i] = !t.hasRecord(s, list[i].Key); added[i] {
				t.put(list[i].Key, write{data: list[i].Data})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func (t *tx) hasRecord(s *Store, key storage.Key) bool {
	if w := t.records[key]; w != nil {
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
			t.put(r.Key, write{deleted: true})
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
	if len(t.records) > 0 {
		asked := make(map[storage.Key]bool, len(keys))
		for _, key := range keys {
			asked[key] = true
		}
		list = t.over(list, func(key storage.Key) bool {
			return asked[key] || asked[storage.Key{Kind: key.Kind, ID: key.ID}]
		})
	}
	slices.SortFunc(list, func(a, b storage.Record) int { return compareKeys(a.Key, b.Key) })
	return slices.CompactFunc(list, func(a, b storage.Record) bool { return a.Key == b.Key })
}

// over lays what the transaction has written, as far as it is wanted, over committed records.
func (t *tx) over(list []storage.Record, wanted func(storage.Key) bool) []storage.Record {
	list = slices.DeleteFunc(list, func(r storage.Record) bool { return t.records[r.Key] != nil })
	for key, w := range t.records {
		if !w.deleted && wanted(key) {
			list = append(list, storage.Record{Key: key, Data: w.data})
		}
	}
	return list
}

// List lists a range of records; see [storage.Records].
func (s *Store) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return func(yield func(storage.Record, error) bool) {
		s.sortIDs(r.Kind)
		var list []storage.Record
		err := s.read(ctx, func(t *tx) { list = t.list(s, r) })
		yieldAll(list, err, yield)
	}
}

func (s *Store) sortIDs(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := s.records[kind]; of != nil && !of.sorted {
		slices.Sort(of.order)
		of.sorted = true
	}
}

// list returns a range as the transaction sees it. What the transaction has deleted may be among what is committed, so
// with writes of its own it takes all before it cuts at the limit.
func (t *tx) list(s *Store, r storage.Range) []storage.Record {
	r.After.Kind, r.To.Kind = r.Kind, r.Kind
	committed := r
	if len(t.records) > 0 {
		committed.Limit = 0
	}
	list := s.records[r.Kind].list(committed)
	if len(t.records) > 0 {
		list = t.over(list, func(key storage.Key) bool { return key.Kind == r.Kind && within(&r, key) })
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

func within(r *storage.Range, key storage.Key) bool {
	unbounded := r.To.ID == "" && r.To.Sub == ""
	return compareKeys(key, r.After) > 0 && (unbounded || compareKeys(key, r.To) < 0)
}

// list returns a range of what is committed.
func (of *records) list(r storage.Range) []storage.Record {
	if of == nil {
		return nil
	}
	low, _ := slices.BinarySearch(of.order, r.After.ID)
	high := len(of.order)
	if r.To.ID != "" || r.To.Sub != "" {
		var found bool
		if high, found = slices.BinarySearch(of.order, r.To.ID); found {
			high++
		}
	}
	var list []storage.Record
	for n := range max(high-low, 0) {
		id := of.order[low+n]
		if r.Backward {
			id = of.order[high-1-n]
		}
		under := of.ids[id]
		for i := range under {
			at := i
			if r.Backward {
				at = len(under) - 1 - i
			}
			if !within(&r, under[at].Key) {
				continue
			}
			if list = append(list, under[at]); len(list) == r.Limit {
				return list
			}
		}
	}
	return list
}
