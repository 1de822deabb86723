package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// progress is how far the daily job is with an objective: the streak after its last recorded day, the last day that the
// job has been through, which is a later one only where the objective did not exist in full, and the first of those
// days that may have become another, if there is one.
type progress struct {
	streak.Streak
	Through streak.Date
	Dirty   streak.Date
}

const progressVersion = 1

// epoch is the first day that there is; a stored day is its distance from the one before.
var epoch, _ = streak.DateOf(firstInstant)

func (p *progress) dates() []*streak.Date {
	return []*streak.Date{&p.Start, &p.LastMet, &p.BestEnd, &p.LastDay, &p.Through, &p.Dirty}
}

// record is the progress as it is stored. It is read with every entity, so it is short.
func (p *progress) record(id string) storage.Record {
	w := writer{append(make([]byte, 0, 32), progressVersion)}
	w.number(uint64(p.Current))
	w.number(uint64(p.Best))
	for _, date := range p.dates() {
		days := 0
		if !date.IsZero() {
			days = date.Sub(epoch) + 1
		}
		w.number(uint64(days))
	}
	return storage.Record{Key: storage.Key{Kind: recordProgress, ID: id}, Data: w.data}
}

func readProgress(data []byte) (progress, error) {
	var p progress
	var r reader
	if r.failed = len(data) == 0 || data[0] != progressVersion; !r.failed {
		r.data = data[1:]
	}
	p.Current, p.Best = int(r.number()), int(r.number())
	for _, date := range p.dates() {
		if days := r.number(); days > 0 {
			var err error
			if *date, err = epoch.Add(int(min(days, math.MaxInt32)) - 1); err != nil {
				r.failed = true
			}
		}
	}
	if r.failed || len(r.data) > 0 {
		return progress{}, errors.New("engine: a stored progress cannot be read")
	}
	return p, nil
}

// touchedDay is the first day whose record what happened at an instant bears on: at midnight it is the day that ends then,
// since an outage may end with it.
func touchedDay(at time.Time) (streak.Date, error) {
	if at.After(firstInstant) {
		at = at.Add(-time.Microsecond)
	}
	return streak.DateOf(at)
}

// judgeAgain notes for objectives, which the transaction has locked, that their recorded days may be others from an instant
// on. It returns how far the daily job is with each.
func (e *Engine) judgeAgain(ctx context.Context, ids []string, from map[string]time.Time) (map[string]progress, error) {
	found, err := e.progress(ctx, ids)
	if err != nil || len(found) == 0 {
		return found, err
	}
	var rows []storage.Record
	for _, id := range ids {
		p, known := found[id]
		if !known {
			continue
		}
		day, err := touchedDay(from[id])
		if err != nil {
			return nil, fmt.Errorf("engine: objective %s: %w", quote(id), err)
		}
		if day.After(p.Through) || !p.Dirty.IsZero() && !day.Before(p.Dirty) {
			continue
		}
		p.Dirty = day
		rows = append(rows, p.record(id))
	}
	if err := e.store.Put(ctx, rows); err != nil {
		return nil, fmt.Errorf("engine: write progress: %w", err)
	}
	return found, nil
}
