package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// factKey is what a fact is known by.
type factKey struct {
	kind string
	hash [sha256.Size]byte
}

// PutFacts writes what is new; see storage.Facts.
func (s *Store) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	if err := check.Facts(facts); err != nil {
		return nil, err
	}
	added := make([]bool, len(facts))
	if len(facts) == 0 {
		return added, ctx.Err()
	}
	// In the order of their keys, so that two who write the same facts do not wait for each other; and each once.
	keys := make([]factKey, len(facts))
	for i := range facts {
		keys[i] = factKey{facts[i].Kind, facts[i].Key()}
	}
	order := make([]int, len(facts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(bytes.Compare(keys[a].hash[:], keys[b].hash[:]), cmp.Compare(keys[a].kind, keys[b].kind))
	})
	order = slices.CompactFunc(order, func(a, b int) bool { return keys[a] == keys[b] })
	err := s.write(ctx, func(t *transaction) error {
		var links factLinks
		var steps []step
		for part := range slices.Chunk(order, rowsAtOnce) {
			at := make(map[factKey]int, len(part))
			for _, i := range part {
				at[keys[i]] = i
			}
			rows, err := factRows(facts, keys, part)
			if err != nil {
				return err
			}
			steps = append(steps, ask(putFacts, func(rows pgx.Rows) error {
				var number int64
				var kind string
				var hash []byte
				if err := rows.Scan(&number, &kind, &hash); err != nil {
					return err
				}
				i := at[factKey{kind, [sha256.Size]byte(hash)}]
				added[i] = true
				links.add(&facts[i], number)
				return nil
			}, rows...))
		}
		if err := t.send(ctx, steps...); err != nil {
			return err
		}
		return t.later(ctx, links.steps()...)
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// factRows are the arguments of putFacts, for those of the facts.
func factRows(facts []storage.Fact, keys []factKey, of []int) ([]any, error) {
	n := len(of)
	kinds, hashes, sources := make([]string, n), make([][]byte, n), make([]string, n)
	systems, lists, data := make([]*string, n), make([]*string, n), make([][]byte, n)
	for row, i := range of {
		f := &facts[i]
		kinds[row], hashes[row], sources[row], data[row] = f.Kind, keys[i].hash[:], f.Source, blob(f.Data)
		if len(f.Systems) > 0 {
			systems[row] = &f.Systems[0]
		}
		if len(f.Systems) > 1 {
			list, err := sqlstore.EncodeNames(f.Systems)
			if err != nil {
				return nil, err
			}
			lists[row] = list
		}
	}
	return []any{kinds, hashes, sources, systems, lists, data}, nil
}

// blob is never nil, which would be NULL, and a copy: it may be sent when the caller has its own back.
func blob(data []byte) []byte { return append([]byte{}, data...) }

// factLinks are the rows that say to which systems new facts belong.
type factLinks struct {
	systems []string
	facts   []int64
	sources []sourceSystem
}

type sourceSystem struct{ system, kind, source string }

func (l *factLinks) add(f *storage.Fact, number int64) {
	if f.Source != "" {
		for _, system := range f.Systems {
			l.sources = append(l.sources, sourceSystem{system, f.Kind, f.Source})
		}
		return
	}
	for _, system := range f.Systems[1:] {
		l.systems, l.facts = append(l.systems, system), append(l.facts, number)
	}
}

func (l *factLinks) steps() (steps []step) {
	if len(l.systems) > 0 {
		steps = append(steps, do(addFactSystems, l.systems, l.facts))
	}
	if len(l.sources) == 0 {
		return steps
	}
	slices.SortFunc(l.sources, func(a, b sourceSystem) int {
		return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.kind, b.kind), cmp.Compare(a.source, b.source))
	})
	l.sources = slices.Compact(l.sources)
	n := len(l.sources)
	systems, kinds, sources := make([]string, n), make([]string, n), make([]string, n)
	for i, row := range l.sources {
		systems[i], kinds[i], sources[i] = row.system, row.kind, row.source
	}
	return append(steps, do(addSourceSystems, systems, kinds, sources))
}

// How much FactsOf reads at once.
const (
	factsAtOnce   = 20_000
	systemsAtOnce = 64 // at first, as long as nobody knows how many facts a system has
)

// FactsOf lists the facts of systems; see storage.Facts. It reads those of as many systems at once as have some ten thousand
// facts together.
func (s *Store) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	if err := check.Keys("system", systems...); err != nil {
		return sqlstore.Failing[storage.SystemFact](err)
	}
	systems = sqlstore.Distinct(systems)
	return func(yield func(storage.SystemFact, error) bool) {
		left := systems
		atOnce := systemsAtOnce
		for len(left) > 0 {
			part := left[:min(atOnce, len(left))]
			left = left[len(part):]
			facts, err := s.readFacts(ctx, factsOf, part)
			if err != nil {
				yield(storage.SystemFact{}, err)
				return
			}
			slices.SortStableFunc(facts, func(a, b storage.SystemFact) int { return strings.Compare(a.SystemID, b.SystemID) })
			for i := range facts {
				if !yield(facts[i], nil) {
					return
				}
			}
			atOnce = min(8*atOnce, max(1, factsAtOnce*len(part)/max(1, len(facts))))
		}
	}
}

// FactsFrom lists the facts of sources; see storage.Facts.
func (s *Store) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	if err := check.Keys("source", append(sources[:len(sources):len(sources)], kind)...); err != nil {
		return sqlstore.Failing[storage.Fact](err)
	}
	sources = sqlstore.Distinct(sources)
	return func(yield func(storage.Fact, error) bool) {
		if len(sources) == 0 {
			return
		}
		facts, err := s.readFacts(ctx, factsFrom, kind, sources)
		if err != nil {
			yield(storage.Fact{}, err)
			return
		}
		for i := range facts {
			if !yield(facts[i].Fact, nil) {
				return
			}
		}
	}
}

// readFacts reads the rows of a statement on facts. What repeats from row to row is kept once.
func (s *Store) readFacts(ctx context.Context, statement statement, args ...any) (facts []storage.SystemFact, err error) {
	var one []string
	err = s.query(ctx, statement, func(rows pgx.Rows) error {
		var f storage.SystemFact
		var system *string
		var list []byte
		if err := rows.Scan(&f.SystemID, &f.Kind, &f.Source, &system, &list, &f.Data); err != nil {
			return err
		}
		switch {
		case list != nil:
			if f.Systems, err = sqlstore.DecodeNames(list); err != nil {
				return err
			}
		case system != nil:
			if len(one) == 0 || one[0] != *system {
				one = []string{*system}
			}
			f.Systems = one
		}
		facts = append(facts, f)
		return nil
	}, args...)
	return facts, err
}

// DeleteFacts takes all facts of systems away from them; see storage.Facts.
func (s *Store) DeleteFacts(ctx context.Context, systems []string) error {
	if err := check.IDs("system", systems...); err != nil {
		return err
	}
	if len(systems) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, func(t *transaction) error {
		var steps []step
		for _, statement := range []statement{lockFacts, deleteSharedFacts, keepSharedFacts, deleteFacts, deleteSourceSystems, deleteHistories} {
			steps = append(steps, do(statement, slices.Clone(systems)))
		}
		return t.later(ctx, steps...)
	})
}
