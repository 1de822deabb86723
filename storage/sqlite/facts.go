package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// PutFacts writes facts; see storage.Facts.
func (s *Store) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	if err := check.Facts(facts); err != nil {
		return nil, err
	}
	added := make([]bool, len(facts))
	err := s.write(ctx, false, func(t *transaction) (err error) {
		for i := range facts {
			if added[i], err = t.putFact(&facts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func (t *transaction) putFact(f *storage.Fact) (added bool, err error) {
	var first, systems any
	if len(f.Systems) > 0 {
		first = f.Systems[0]
	}
	if len(f.Systems) > 1 {
		if systems, err = jsonList(f.Systems); err != nil {
			return false, err
		}
	}
	hash := f.Key()
	result, err := t.exec(putFact, f.Kind, hash[:], f.Source, first, systems, blob(f.Data))
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if f.Source != "" {
		for _, system := range f.Systems {
			if _, err := t.exec(linkSource, system, f.Kind, f.Source); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	for _, system := range f.Systems[1:] {
		number, err := result.LastInsertId()
		if err != nil {
			return false, err
		}
		if _, err := t.exec(linkFact, system, number); err != nil {
			return false, err
		}
	}
	return true, nil
}

// blob is never nil, which would be NULL.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// FactsOf lists the facts of systems; see storage.Facts.
func (s *Store) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	systems = sqlstore.Distinct(systems)
	if err := check.Keys("system", systems...); err != nil {
		return sqlstore.Failing[storage.SystemFact](err)
	}
	all := portions(systems, func(systems []string) ([]factRow, error) {
		list, err := jsonList(systems)
		if err != nil {
			return nil, err
		}
		rows, err := s.facts(ctx, factsOfMany, systems, list)
		slices.SortStableFunc(rows, func(a, b factRow) int { return a.asked - b.asked })
		return rows, err
	}, func(system string, after *factRow) ([]factRow, error) {
		return s.facts(ctx, factsOf, []string{system}, system, after.last())
	})
	return func(yield func(storage.SystemFact, error) bool) {
		for r, err := range all {
			if !yield(r.SystemFact, err) {
				return
			}
		}
	}
}

// FactsFrom lists the facts of sources; see storage.Facts.
func (s *Store) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	if err := check.Keys("source", append(sources[:len(sources):len(sources)], kind)...); err != nil {
		return sqlstore.Failing[storage.Fact](err)
	}
	all := portions(sqlstore.Distinct(sources), func(sources []string) ([]factRow, error) {
		list, err := jsonList(sources)
		if err != nil {
			return nil, err
		}
		return s.facts(ctx, factsFromMany, nil, kind, list)
	}, func(source string, after *factRow) ([]factRow, error) {
		return s.facts(ctx, factsFrom, nil, kind, source, after.last())
	})
	return func(yield func(storage.Fact, error) bool) {
		for r, err := range all {
			if !yield(r.Fact, err) {
				return
			}
		}
	}
}

// factRow is a fact as it is read.
type factRow struct {
	storage.SystemFact
	number int64
	asked  int // which of the systems it was read for
}

// last is the number after which the next page begins.
func (r *factRow) last() int64 {
	if r == nil {
		return 0
	}
	return r.number
}

// facts reads facts, of some of the systems if there are any.
func (s *Store) facts(ctx context.Context, st statement, systems []string, args ...any) ([]factRow, error) {
	var list []factRow
	err := s.query(ctx, st, func(rows *sql.Rows) error {
		var r factRow
		var first sql.NullString
		var all []byte
		if err := rows.Scan(&r.asked, &r.number, &r.Kind, &r.Source, &first, &all, &r.Data); err != nil {
			return err
		}
		if systems != nil {
			r.SystemID = systems[r.asked]
		}
		switch {
		case all != nil:
			if err := json.Unmarshal(all, &r.Systems); err != nil {
				return fmt.Errorf("the systems of fact %d: %w", r.number, err)
			}
		case first.Valid:
			r.Systems = []string{first.String}
		case r.Source == "":
			r.Systems = systems[r.asked : r.asked+1 : r.asked+1]
		}
		list = append(list, r)
		return nil
	}, args...)
	return list, err
}

// DeleteFacts takes the facts of systems away from them; see storage.Facts.
func (s *Store) DeleteFacts(ctx context.Context, systems []string) error {
	if len(systems) == 0 {
		return nil
	}
	if err := check.IDs("system", systems...); err != nil {
		return err
	}
	return s.write(ctx, false, func(t *transaction) error {
		for _, system := range systems {
			for _, st := range []statement{deleteFacts, unlinkFacts, deleteUnlinked, deleteLinks, deleteSources, deleteHistory} {
				if _, err := t.exec(st, system); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
