package main

import (
	"context"
	"errors"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

// operation is one thing that an Engine is told: one of these. To tell it twice is to tell it once.
type operation struct {
	Observe  []slo.Observation `json:",omitempty"`
	Restate  *slo.Statement    `json:",omitempty"`
	Correct  *slo.Correction   `json:",omitempty"`
	Maintain *slo.Maintenance  `json:",omitempty"`
	Depend   *dependence       `json:",omitempty"`
	Ensure   *slo.Objective    `json:",omitempty"`
	Update   *update           `json:",omitempty"`
	Delete   string            `json:",omitempty"` // an objective
	Daily    bool              `json:",omitempty"`
	Digest   bool              `json:",omitempty"`
}

// dependence is what a system depends on from an instant on.
type dependence struct {
	System string
	On     []string
	At     time.Time
}

// update is another target for an objective.
type update struct {
	Objective   string
	Target      float64
	Retroactive bool
}

func (o *operation) kind() string {
	switch {
	case o.Observe != nil:
		return "observe"
	case o.Restate != nil:
		return "restate"
	case o.Correct != nil:
		return "correct"
	case o.Maintain != nil:
		return "maintenance"
	case o.Depend != nil:
		return "upstreams"
	case o.Ensure != nil:
		return "ensure"
	case o.Update != nil:
		return "update"
	case o.Delete != "":
		return "delete"
	case o.Daily:
		return "daily"
	}
	return "digest"
}

// tell tells an Engine whose clock stands at now.
func (o *operation) tell(ctx context.Context, e *engine.Engine, now time.Time) (err error) {
	switch {
	case o.Observe != nil:
		return e.Observe(ctx, o.Observe...)
	case o.Restate != nil:
		return e.Restate(ctx, *o.Restate)
	case o.Correct != nil:
		return e.Correct(ctx, *o.Correct)
	case o.Maintain != nil:
		return e.SetMaintenance(ctx, *o.Maintain)
	case o.Depend != nil:
		return e.SetUpstreams(ctx, o.Depend.System, o.Depend.On, o.Depend.At)
	case o.Ensure != nil:
		_, err = e.Ensure(ctx, *o.Ensure)
	case o.Update != nil:
		_, err = e.Update(ctx, o.Update.Objective, func(was *slo.Objective) { was.Target = o.Update.Target },
			&engine.UpdateOptions{Retroactive: o.Update.Retroactive})
	case o.Delete != "":
		if err = e.Delete(ctx, o.Delete); errors.Is(err, engine.ErrNotFound) {
			err = nil // it was deleted when it was told the first time
		}
	case o.Daily:
		return e.RunDaily(ctx, now)
	default:
		_, err = e.Digest(ctx, now)
	}
	return err
}
