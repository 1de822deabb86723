package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

type objectiveKeys struct {
	ID                 string                   `key:"id,required"`
	Name               *string                  `key:"name"`
	System             *string                  `key:"system"`
	Check              *string                  `key:"check"`
	Target             *float64                 `key:"target"`
	Window             *slo.Window              `key:"window"`
	Exclusion          *slo.DependencyExclusion `key:"exclusion"`
	NeverExcuse        *[]string                `key:"neverExcuse"`
	ExcludeMaintenance *bool                    `key:"excludeMaintenance"`
	DegradedIsUp       *bool                    `key:"degradedIsUp"`
	UnknownIsDown      *bool                    `key:"unknownIsDown"`
	CountFrom          *instant                 `key:"countFrom"`
	Retroactive        bool                     `key:"retroactive"`
}

// change gives an objective the values of the keys that are there.
func (k *objectiveKeys) change(o *slo.Objective) {
	set(&o.Name, k.Name)
	set(&o.SystemID, k.System)
	set(&o.CheckID, k.Check)
	set(&o.Target, k.Target)
	set(&o.Window, k.Window)
	set(&o.DependencyExclusion, k.Exclusion)
	set(&o.NeverExcuse, k.NeverExcuse)
	set(&o.ExcludeMaintenance, k.ExcludeMaintenance)
	set(&o.DegradedIsUp, k.DegradedIsUp)
	set(&o.UnknownIsDown, k.UnknownIsDown)
	set(&o.CountFrom, (*time.Time)(k.CountFrom))
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (p *player) objective(k *objectiveKeys) (any, error) {
	_, err := p.engine.Update(p.ctx, k.ID, k.change, &engine.UpdateOptions{Retroactive: k.Retroactive})
	if !errors.Is(err, engine.ErrNotFound) {
		return nil, err
	}
	if k.Target == nil {
		return nil, errors.New("target is missing")
	}
	o := slo.Objective{ID: k.ID}
	k.change(&o)
	_, err = p.engine.Create(p.ctx, o)
	return nil, err
}

type deleteKeys struct {
	Objective *string `key:"objective"`
	System    *string `key:"system"`
}

func (p *player) delete(k *deleteKeys) (any, error) {
	switch {
	case (k.Objective == nil) == (k.System == nil):
		return nil, errors.New("want either objective or system")
	case k.System != nil:
		return nil, p.engine.DeleteSystem(p.ctx, *k.System)
	}
	return nil, p.engine.Delete(p.ctx, *k.Objective)
}

type dependsKeys struct {
	System string   `key:"system,required"`
	On     []string `key:"on,required"`
}

func (p *player) depends(k *dependsKeys) (any, error) {
	return nil, p.engine.SetUpstreams(p.ctx, k.System, k.On, p.clock.Now())
}

type healthKeys struct {
	System   string     `key:"system,required"`
	Check    string     `key:"check"`
	Status   slo.Health `key:"status,required"`
	Impact   float64    `key:"impact"`
	Upstream string     `key:"upstream"`
	Seq      int64      `key:"seq"`
	Since    *instant   `key:"since"`
}

func (p *player) health(k *healthKeys) (any, error) {
	at := p.clock.Now()
	set(&at, (*time.Time)(k.Since))
	if err := p.notLater("since", at); err != nil {
		return nil, err
	}
	err := p.engine.Observe(p.ctx, slo.Observation{
		SystemID: k.System, CheckID: k.Check, At: at, Seq: k.Seq, Health: k.Status, Impact: k.Impact, UpstreamID: k.Upstream,
	})
	if err == nil {
		delete(p.live, k.System)
	}
	return nil, err
}

// notLater refuses what cannot be known yet. The Engine itself lets clocks differ by a minute.
func (p *player) notLater(key string, t time.Time) error {
	if now := p.clock.Now(); t.After(now) {
		return fmt.Errorf("%s: %s: want an instant not after %s", key, rfc3339(t), rfc3339(now))
	}
	return nil
}

type outageKeys struct {
	System   string      `key:"system,required"`
	Check    string      `key:"check"`
	Start    instant     `key:"start,required"`
	End      instant     `key:"end,null"`
	Status   *slo.Health `key:"status"`
	Impact   float64     `key:"impact"`
	Upstream string      `key:"upstream"`
}

func (k *outageKeys) UnmarshalJSON(text []byte) error {
	object, err := parseObject(text)
	if err != nil {
		return err
	}
	return readKeys(object, keysOfOutage, k)
}

var keysOfOutage = keysOf[outageKeys]()

func (k *outageKeys) outage() (slo.Outage, error) {
	o := slo.Outage{
		SystemID: k.System, CheckID: k.Check, Start: time.Time(k.Start), End: time.Time(k.End),
		Health: slo.Unhealthy, Impact: k.Impact, UpstreamID: k.Upstream,
	}
	set(&o.Health, k.Status)
	if o.Health == slo.Unknown { // to the library that is no status at all
		return o, errors.New("status: unknown: want unhealthy or degraded")
	}
	return o, nil
}

type restateKeys struct {
	Source  string       `key:"source,required"`
	Rev     int64        `key:"rev"`
	Outages []outageKeys `key:"outages,required"`
}

func (p *player) restate(k *restateKeys) (any, error) {
	s := slo.Statement{Source: k.Source, Rev: k.Rev}
	for i := range k.Outages {
		o, err := k.Outages[i].outage()
		if err != nil {
			return nil, err
		}
		s.Outages = append(s.Outages, o)
	}
	return nil, p.engine.Restate(p.ctx, s)
}

type importKeys struct {
	outageKeys
	Source *string `key:"source"`
}

func (p *player) importOutage(k *importKeys) (any, error) {
	o, err := k.outage()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.notLater("start", o.Start), p.notLater("end", o.End)); err != nil {
		return nil, err
	}
	s := slo.Statement{Source: fmt.Sprintf("import:%d", p.line), Rev: 1, Outages: []slo.Outage{o}}
	set(&s.Source, k.Source)
	return nil, p.engine.Restate(p.ctx, s)
}

type correctKeys struct {
	ID     string      `key:"id,required"`
	Rev    int64       `key:"rev"`
	System string      `key:"system,required"`
	Check  string      `key:"check"`
	From   instant     `key:"from,required"`
	Until  instant     `key:"until,required"`
	Status *slo.Health `key:"status"`
	Impact float64     `key:"impact"`
	Reason string      `key:"reason"`
}

func (p *player) correct(k *correctKeys) (any, error) {
	c := slo.Correction{
		ID: k.ID, Rev: k.Rev, SystemID: k.System, CheckID: k.Check, From: time.Time(k.From), Until: time.Time(k.Until),
		Health: slo.Healthy, Impact: k.Impact, Reason: k.Reason,
	}
	set(&c.Health, k.Status)
	return nil, p.engine.Correct(p.ctx, c)
}

type maintenanceKeys struct {
	ID        *string `key:"id"`
	Rev       int64   `key:"rev"`
	System    string  `key:"system,required"`
	Start     instant `key:"start,required"`
	End       instant `key:"end,required"`
	Cancelled bool    `key:"cancelled"`
}

func (p *player) maintenance(k *maintenanceKeys) (any, error) {
	m := slo.Maintenance{
		ID: fmt.Sprintf("maintenance:%d", p.line), Rev: k.Rev, SystemID: k.System,
		Start: time.Time(k.Start), End: time.Time(k.End), Cancelled: k.Cancelled,
	}
	set(&m.ID, k.ID)
	return nil, p.engine.SetMaintenance(p.ctx, m)
}

type liveKeys struct {
	System string     `key:"system,required"`
	Status slo.Health `key:"status,required"`
	Since  *instant   `key:"since"`
}

func (p *player) liveHealth(k *liveKeys) (any, error) {
	report := engine.HealthReport{Health: k.Status}
	set(&report.Since, (*time.Time)(k.Since))
	if err := p.notLater("since", report.Since); err != nil {
		return nil, err
	}
	p.live[k.System] = report
	return nil, nil
}

type noKeys struct{}

func (p *player) reconcile(*noKeys) (any, error) { return nil, p.engine.Reconcile(p.ctx) }

func (p *player) daily(*noKeys) (any, error) { return nil, p.engine.RunDaily(p.ctx, p.clock.Now()) }
