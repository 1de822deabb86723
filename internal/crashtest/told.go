package crashtest

import (
	"fmt"
	"maps"
	"slices"
)

// checkAccounts finds out which of the operations on accounts have happened, by the changes that they made.
func (j *judge) checkAccounts() {
	j.t.Helper()
	unknown := maps.Clone(j.made)
	for c := range j.claims() {
		if c.Account == "" {
			continue
		}
		version, happened := j.made[c.ID]
		delete(unknown, c.ID)
		c.happened = happened
		switch {
		case c.acknowledged() && !happened:
			j.complain(lost, "version %d of %s, of %s", c.outcome.Version, c.Account, c.ID)
		case c.acknowledged() && version != c.outcome.Version:
			j.complain(lost, "%s is version %d of %s, and was acknowledged as %d", c.ID, version, c.Account, c.outcome.Version)
		case c.refused() && happened:
			j.complain(back, "version %d of %s, of %s", version, c.Account, c.ID)
		case c.doubtful() && happened:
			j.outcome.Came++
		}
	}
	for id, version := range unknown {
		j.complain(madeUp, "version %d of an account, of %s", version, id)
	}
}

// checkFacts compares the facts that are there with those that were told.
func (j *judge) checkFacts() {
	j.t.Helper()
	about := slices.Clone(systems)
	for i := range j.workers {
		about = append(about, fmt.Sprint("own-", i))
	}
	j.facts = j.keys.present(j.t, j.store, about)
	j.outcome.Facts = len(j.facts)
	unknown := maps.Clone(j.facts)
	for _, list := range j.workers {
		j.undo(list)
		for _, c := range list {
			for _, key := range c.keys {
				delete(unknown, key)
			}
			if len(c.keys) > 0 && c.Do != repeated {
				j.checkTold(c)
			}
		}
	}
	for key := range unknown {
		if key.kind != factDeletion {
			j.complain(madeUp, "a fact, %s", key.kind)
		}
	}
}

// undo notes what was told of the worker's own system before that was deleted for the last time.
func (j *judge) undo(list []*claim) {
	deleted := false
	for _, c := range slices.Backward(list) {
		c.undone = deleted && c.Own != ""
		deleted = deleted || c.Do == resets && c.happened
	}
}

func (j *judge) checkTold(c *claim) {
	j.t.Helper()
	n := 0
	for _, key := range c.keys {
		if j.facts[key] {
			n++
		}
	}
	all := n == len(c.keys)
	switch {
	case c.undone || c.refused():
		if n > 0 {
			j.complain(back, "%d of %d facts of %s, which %s", n, len(c.keys), c.ID, c.Do)
		}
	case c.Account != "":
		if c.happened && !all || !c.happened && n > 0 {
			j.complain(half, "%s, which %s: its change is there: %t, of its %d facts %d are", c.ID, c.Do, c.happened, len(c.keys), n)
		}
	case c.acknowledged():
		if c.happened = true; !all {
			j.complain(lost, "%d of %d facts of %s", len(c.keys)-n, len(c.keys), c.ID)
		}
	case n > 0 && !all:
		j.complain(half, "%s: of its %d facts %d are there", c.ID, len(c.keys), n)
	case all:
		c.happened = true
		j.outcome.Came++
	}
}

// checkObjectives compares the objectives that are there with those that were made and not deleted.
func (j *judge) checkObjectives() {
	j.t.Helper()
	const mayBe, mustBe = 1, 2
	want := map[string]int{}
	for _, o := range objectives() {
		want[o.ID] = mustBe
	}
	for _, list := range j.workers {
		own := map[string]int{}
		for _, c := range list {
			switch {
			case c.Do == resets && c.happened:
				own = map[string]int{c.Objective: mustBe}
			case c.Do == creates && c.acknowledged():
				own[c.Objective] = mustBe
			case c.Do == deletes && c.acknowledged():
				delete(own, c.Objective)
			case (c.Do == creates || c.Do == deletes && own[c.Objective] > 0) && !c.refused():
				own[c.Objective] = mayBe
			}
		}
		maps.Copy(want, own)
	}
	j.there = map[string]bool{}
	for o, err := range j.host.List(j.t.Context(), "") {
		if err != nil {
			j.t.Fatal(err)
		}
		if j.there[o.ID] {
			j.complain(twice, "objective %s", o.ID)
		}
		if j.there[o.ID] = true; want[o.ID] == 0 {
			j.complain(back, "objective %s", o.ID)
		}
	}
	for id, n := range want {
		if n == mustBe && !j.there[id] {
			j.complain(lost, "objective %s", id)
		}
	}
}
