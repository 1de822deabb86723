package main

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// row is a fact as it is read.
type row struct {
	storage.SystemFact
	systems []byte
}

func rowFields(r *row) []any { return []any{&r.SystemID, &r.Kind, &r.Source, &r.systems, &r.Data} }

// PutFacts writes what is new.
func (s *Store) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	added := make([]bool, len(facts))
	err := s.InTx(ctx, func(ctx context.Context) (err error) {
		for i := range facts {
			if added[i], err = s.putFact(ctx, &facts[i]); err != nil {
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

func (s *Store) putFact(ctx context.Context, f *storage.Fact) (added bool, err error) {
	systems, err := text(f.Systems)
	if err != nil {
		return false, err
	}
	hash := f.Key()
	numbers, err := query(ctx, s, number, `
		INSERT INTO facts (kind, hash, source, systems, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING RETURNING number`, f.Kind, hash[:], f.Source, systems, blob(f.Data))
	if err != nil || len(numbers) == 0 {
		return false, err
	}
	for _, system := range f.Systems {
		if f.Source == "" {
			_, err = s.exec(ctx, `INSERT INTO fact_systems (system, fact) VALUES (?, ?)`, system, numbers[0])
		} else {
			_, err = s.exec(ctx, `INSERT INTO source_systems (system, kind, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
				system, f.Kind, f.Source)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// FactsOf lists the facts of systems.
func (s *Store) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return func(yield func(storage.SystemFact, error) bool) {
		for _, system := range slices.Compact(slices.Sorted(slices.Values(systems))) {
			for r, err := range s.facts(ctx, `
				SELECT ?1, kind, source, systems, data FROM fact_systems JOIN facts ON number = fact WHERE system = ?1
				UNION ALL
				SELECT ?1, kind, source, systems, data FROM source_systems JOIN facts USING (kind, source) WHERE system = ?1 AND source <> ''`,
				system) {
				if !yield(r.SystemFact, err) {
					return
				}
			}
		}
	}
}

// FactsFrom lists the facts of sources.
func (s *Store) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	return func(yield func(storage.Fact, error) bool) {
		for _, source := range slices.Compact(slices.Sorted(slices.Values(sources))) {
			for r, err := range s.facts(ctx, `
				SELECT '', kind, source, systems, data FROM facts WHERE kind = ? AND source = ? AND source <> ''`, kind, source) {
				if !yield(r.Fact, err) {
					return
				}
			}
		}
	}
}

func (s *Store) facts(ctx context.Context, text string, args ...any) iter.Seq2[row, error] {
	return listing(func() ([]row, error) {
		rows, err := query(ctx, s, rowFields, text, args...)
		for i := range rows {
			if err == nil {
				err = json.Unmarshal(rows[i].systems, &rows[i].Systems)
			}
		}
		return rows, err
	})
}

// DeleteFacts takes all facts of systems away from them.
func (s *Store) DeleteFacts(ctx context.Context, systems []string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		for _, system := range systems {
			for _, text := range []string{
				`DELETE FROM facts WHERE number IN (SELECT fact FROM fact_systems WHERE system = ?1)
					AND NOT EXISTS (SELECT 1 FROM fact_systems WHERE fact = number AND system <> ?1)`,
				`DELETE FROM fact_systems WHERE system = ?1`,
				`DELETE FROM source_systems WHERE system = ?1`,
			} {
				if _, err := s.exec(ctx, text, system); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// blob is never nil, which would be NULL.
func blob(data []byte) []byte { return append([]byte{}, data...) }
