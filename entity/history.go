package entity

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// InStateSince says since when a field has had the value that was published last. It is not known of a field of which no
// change was ever published, as of one that has not changed since the entity was first seen, nor of an entity that was
// removed. ErrInvalid: no such field, or one that drifts, which has no transitions.
func (h *Handle[S]) InStateSince(ctx context.Context, id, field string) (since time.Time, known bool, err error) {
	if err := h.kind.checkField(id, field); err != nil {
		return time.Time{}, false, err
	}
	for interval, err := range h.kind.reg.log.Intervals(ctx, h.kind.name, id, field, endOfTime) {
		return interval.Since, err == nil && interval.Until.IsZero(), err
	}
	return time.Time{}, false, nil
}

// endOfTime is after all intervals that have ended.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// InStateFor says for how long a field has had the value that was published last, by the Registry's Clock, never less than
// 0. Otherwise it is as InStateSince.
func (h *Handle[S]) InStateFor(ctx context.Context, id, field string) (d time.Duration, known bool, err error) {
	since, known, err := h.InStateSince(ctx, id, field)
	if !known || err != nil {
		return 0, false, err
	}
	return max(0, h.kind.reg.now().Sub(since)), true, nil
}

// TransitionCount says how often a field got another value, its first one included, since lookback ago, by the
// Registry's Clock; what happened at that very instant counts too. It knows of the time that Options.Keep keeps. ErrInvalid: as with InStateSince, or a
// lookback of less than 0.
func (h *Handle[S]) TransitionCount(ctx context.Context, id, field string, lookback time.Duration) (int, error) {
	if err := h.kind.checkField(id, field); err != nil {
		return 0, err
	}
	if lookback < 0 {
		return 0, invalid("lookback", lookback, "0 or more")
	}
	from := instant(h.kind.reg.now().Add(-lookback))
	n := 0
	for interval, err := range h.kind.reg.log.Intervals(ctx, h.kind.name, id, field, from) {
		if err != nil {
			return 0, err
		}
		if !interval.Since.Before(from) {
			n++
		}
	}
	return n, nil
}

// checkField holds for a field whose transitions are asked for.
func (k *kind) checkField(id, field string) error {
	if err := k.reg.check(); err != nil {
		return err
	}
	if err := checkID("id", id); err != nil {
		return err
	}
	i := slices.Index(k.shape.names, field)
	if i < 0 || k.shape.drift.has(i) {
		return fmt.Errorf("kind %q: %w", k.name, invalid("field", field, "a field that does not drift"))
	}
	return nil
}
