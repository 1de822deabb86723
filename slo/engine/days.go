package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// stamps are the versions of the systems that the timeline was made of, by ID.
func (j *judged) stamps() []streak.HistoryVersion {
	stamps := make([]streak.HistoryVersion, 0, len(j.keys)-1)
	for i := 1; i < len(j.keys); i++ {
		stamps = append(stamps, streak.HistoryVersion{SystemID: j.keys[i].ID, Version: j.versions[i]})
	}
	slices.SortFunc(stamps, func(a, b streak.HistoryVersion) int { return compareText(a.SystemID, b.SystemID) })
	return stamps
}

func dayRecord(day *streak.Day) (storage.Record, error) {
	data, err := json.Marshal(day)
	return storage.Record{Key: storage.Key{Kind: recordDay, ID: day.ObjectiveID, Sub: day.Date.String()}, Data: data}, err
}

func readDay(data []byte) (streak.Day, error) {
	var day streak.Day
	if err := json.Unmarshal(data, &day); err != nil {
		return streak.Day{}, fmt.Errorf("engine: a stored day cannot be read: %w", err)
	}
	return day, nil
}

// Days returns the recorded days of an objective from one date to another, both included, by date: none where there are
// none, or no such objective. ErrInvalid: a zero from, a to before it.
func (e *Engine) Days(ctx context.Context, id string, from, to streak.Date) ([]streak.Day, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkID("objective", id); err != nil {
		return nil, err
	}
	if from.IsZero() || to.Before(from) {
		return nil, invalid("from", quote(from.String()), "a date that is not after to, "+quote(to.String()))
	}
	var days []streak.Day
	until := storage.Key{ID: id, Sub: to.String() + "~"} // after the last date, and before all others
	after := storage.Key{ID: id}
	if before, err := from.Add(-1); err == nil {
		after.Sub = before.String()
	}
	for record, err := range e.records(ctx, storage.Range{Kind: recordDay, After: after, To: until}) {
		if err != nil {
			return nil, err
		}
		day, err := readDay(record.Data)
		if err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, nil
}

// Streaks returns the streak of each of the objectives, as the last daily job left it; one of which no day is recorded is
// not in the map.
func (e *Engine) Streaks(ctx context.Context, ids []string) (map[string]streak.Streak, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkIDs("objective", ids); err != nil {
		return nil, err
	}
	found, err := e.progress(ctx, ids)
	if err != nil {
		return nil, err
	}
	streaks := make(map[string]streak.Streak, len(found))
	for id, p := range found {
		if !p.LastDay.IsZero() {
			streaks[id] = p.Streak
		}
	}
	return streaks, nil
}
