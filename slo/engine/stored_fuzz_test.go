package engine_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// Whatever lies in a store, and whatever it calls itself, a question is answered or refused with an error.
func FuzzStoredRows(f *testing.F) {
	h := newHost(f, engine.Options{})
	ok(f, h.Observe(f.Context(), slo.Down("api", noon)))
	ok(f, h.Restate(f.Context(), slo.Statement{Source: "s", Rev: 1, Outages: []slo.Outage{{SystemID: "api", Start: noon}}}))
	ok(f, h.Correct(f.Context(), slo.Correction{ID: "c", SystemID: "api", From: noon, Until: noon.AddDate(0, 0, 1), Health: slo.Healthy}))
	ok(f, h.SetMaintenance(f.Context(), slo.Maintenance{ID: "m", SystemID: "api", Start: noon, End: noon.AddDate(0, 0, 1)}))
	ok(f, h.SetUpstreams(f.Context(), "api", []string{"db"}, noon))
	for fact, err := range h.store.FactsOf(f.Context(), []string{"api"}) {
		ok(f, err)
		f.Add(fact.Kind, fact.Data, []byte(`{"id":"api","system":"api","target":99.9,"window":"30d","created":"2026-03-02T12:00:00Z"}`))
	}
	f.Add("deletion", []byte{1}, []byte(`{}`))
	f.Fuzz(func(t *testing.T, kind string, fact, objective []byte) {
		store := storagetest.WithHistories(memory.New())
		h := hostOn(t, store, simclock.New(noon), engine.Options{})
		ctx := t.Context()
		h.create(t, simple("api"))
		_, err := h.store.PutFacts(ctx, []storage.Fact{{Kind: kind, Source: "s", Systems: []string{"api"}, Data: fact}})
		ok(t, err)
		_, err = h.store.Bump(ctx, []storage.VersionKey{{Kind: "system", ID: "api"}})
		ok(t, err)
		_, refused := h.Status(ctx, "api")
		ok(t, store.PutHistories(ctx, []storage.History{{SystemID: "api", Version: 1, Data: append(fact, objective...)}}))
		_, err = h.cold(t).Status(ctx, "api") // with what nobody has worked out
		equal(t, "whether the facts are refused", refused == nil, err == nil)
		ok(t, h.store.Put(ctx, []storage.Record{
			{Key: storage.Key{Kind: "objective", ID: "api"}, Data: objective}, {Key: storage.Key{Kind: "progress", ID: "api"}, Data: fact},
			{Key: storage.Key{Kind: "achievement", ID: "api", Sub: "first_steps"}, Data: fact},
		}))
		_, err = h.store.Bump(ctx, []storage.VersionKey{{Kind: "objective", ID: "api"}})
		ok(t, err)
		_, _ = h.Status(ctx, "api")
		_, _ = h.Streaks(ctx, []string{"api"})
		_, _ = h.Achievements(ctx, []string{"api"})
	})
}

// What is declared is refused with an error that says so, or is an objective that can be made.
func FuzzReadObjectives(f *testing.F) {
	f.Add(`{"id":"a","system":"b","target":99.9,"window":"30d"}`)
	f.Add(`[{"id":"a","system":"b","target":99.9,"window":"calendar:month:Europe/Berlin","exclusion":"self-only",` +
		`"neverExcuse":["c"],"policy":{"rules":[{"severity":"page","long":"1h","short":"5m","factor":14.4}]},"thresholds":{"warning":1}}]`)
	f.Add(`{"id":"a"}{"id":"b"}`)
	f.Add("[]")
	f.Fuzz(func(t *testing.T, text string) {
		objectives, err := engine.ReadObjectives(strings.NewReader(text))
		if err != nil {
			fails(t, "read", err, engine.ErrInvalid)
			return
		}
		again, err := engine.ReadObjectives(bytes.NewReader([]byte(text)))
		ok(t, err)
		equal(t, "read again", objectives, again)
		for _, o := range objectives {
			ok(t, o.Validate())
		}
	})
}
