package crashtest

import (
	"encoding/json"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

const (
	kindSLO          = "slo"
	kindAchievements = "achievements"
	kindDigest       = "digest"
)

// readFeed reads all changes, and checks that they are whole.
func (j *judge) readFeed() {
	j.t.Helper()
	j.feed, j.made = map[string][]entity.Change{}, map[string]int64{}
	position := int64(0)
	j.outcome.Changes = 0
	for c, err := range j.store.Changes(j.t.Context(), 0) {
		if err != nil {
			j.t.Fatal(err)
		}
		if c.Position != position+1 {
			j.complain(gap, "Position %d follows %d", c.Position, position)
		}
		position = c.Position
		if c.Version == 0 { // a nudge
			continue
		}
		j.outcome.Changes++
		key := c.Kind + " " + c.ID
		before := entity.Change{}
		if list := j.feed[key]; len(list) > 0 {
			before = list[len(list)-1]
		}
		if c.Version != before.Version+1 {
			j.complain(gap, "%s: version %d follows %d", key, c.Version, before.Version)
		}
		if got, want := asJSON(c.Prev), asJSON(before.Next); got != want {
			j.complain(gap, "%s: the Prev of version %d is %s, the Next before %s", key, c.Version, got, want)
		}
		j.feed[key] = append(j.feed[key], c)
		if c.Kind == kindAccount {
			j.readCount(&c)
		}
	}
}

// readCount looks at a change of an account: each operation counts once.
func (j *judge) readCount(c *entity.Change) {
	j.t.Helper()
	if _, known := j.made[c.Actor.ID]; known {
		j.complain(twice, "%s has made version %d of %s, too", c.Actor.ID, c.Version, c.ID)
	}
	j.made[c.Actor.ID] = c.Version
	var prev, next account
	decode(c.Prev, &prev)
	decode(c.Next, &next)
	if c.Next != nil && (next.N != prev.N+1 || next.By != c.Actor.ID) {
		j.complain(apart, "%s: version %d, of %s, goes from %+v to %+v", c.ID, c.Version, c.Actor.ID, prev, next)
	}
}

// decode brings a state to its type, whether a store keeps it or its bytes.
func decode(state any, into any) {
	text, err := json.Marshal(state)
	if err == nil {
		_ = json.Unmarshal(text, into) // else it stays empty, which is noticed
	}
}

// unhandled lists what was committed, and handled by nobody.
func (j *judge) unhandled() []storage.Key {
	j.t.Helper()
	done, err := collect(j.store.List(j.t.Context(), storage.Range{Kind: kindHandled}))
	if err != nil {
		j.t.Fatal(err)
	}
	handled := make(map[storage.Key]bool, len(done))
	for _, r := range done {
		handled[r.Key] = true
	}
	var missing []storage.Key
	want := func(key storage.Key) {
		if !handled[key] {
			missing = append(missing, key)
		}
	}
	for _, list := range j.feed {
		for _, c := range list {
			switch c.Kind {
			case kindAccount, kindSLO:
				want(versioned(c.Kind, c.ID, c.Version))
			case kindDigest:
				want(digested(c.ID))
			case kindAchievements:
				var state engine.SystemAchievements
				decode(c.Next, &state)
				for _, a := range state.Achievements {
					want(achieved(a))
				}
			}
		}
	}
	return missing
}

// checkHandled checks that each change was handled, and in its turn.
func (j *judge) checkHandled() {
	j.t.Helper()
	for _, key := range j.unhandled() {
		j.complain(notHandled, "%s %s", key.ID, key.Sub)
	}
	faults, err := collect(j.store.List(j.t.Context(), storage.Range{Kind: kindFault}))
	if err != nil {
		j.t.Fatal(err)
	}
	for _, r := range faults {
		j.complain(disorder, "%s", r.ID)
	}
	parked, err := collect(j.host.Entities().Parked(j.t.Context(), group))
	if err != nil {
		j.t.Fatal(err)
	}
	for _, p := range parked {
		j.complain(notHandled, "%s %s, version %d: it was given up: %s", p.Change.Kind, p.Change.ID, p.Change.Version, p.Error)
	}
}

// checkDigests checks that each week has one digest, if anybody was told that it has.
func (j *judge) checkDigests() {
	j.t.Helper()
	for c := range j.claims() {
		if c.Do == digests && c.acknowledged() && len(j.feed[kindDigest+" "+weekOf(c.At)]) == 0 {
			j.complain(lost, "the digest of %s, of %s", weekOf(c.At), c.ID)
		}
	}
	for key, list := range j.feed {
		if list[0].Kind == kindDigest && len(list) > 1 {
			j.complain(twice, "%s", key)
		}
	}
}
