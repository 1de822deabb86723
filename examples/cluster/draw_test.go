package main

import (
	"fmt"
	"testing"
)

// What has the source or ID, and the revision, of something else is refused as a contradiction.
func TestARevisionIsDrawnOnce(t *testing.T) {
	for _, seed := range []uint64{20, 74, 94, 136} {
		d := newDrawer(seed)
		drawn := map[string]bool{}
		for range 400 {
			for _, list := range d.round(d.now) {
				for _, o := range list {
					key := revision(o)
					if key != "" && drawn[key] {
						t.Fatalf("seed %d: %s twice", seed, key)
					}
					drawn[key] = true
				}
			}
			d.pause()
			d.now = d.now.Add(d.next())
		}
	}
}

// revision is what must be an operation's own, where it has revisions.
func revision(o operation) string {
	switch {
	case o.Restate != nil:
		return fmt.Sprint(o.Restate.Source, " ", o.Restate.Rev)
	case o.Correct != nil:
		return fmt.Sprint(o.Correct.ID, " ", o.Correct.Rev)
	case o.Maintain != nil:
		return fmt.Sprint(o.Maintain.ID, " ", o.Maintain.Rev)
	}
	return ""
}
