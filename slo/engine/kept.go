package engine

import (
	"sync"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// kept is what an Engine keeps of what it has computed, up to a number of bytes: timelines of objectives, and the systems
// that were heard of lately. What was not used for the longest time goes first. All that it gives is a claim that whoever
// takes it checks against the store's versions.
type kept struct {
	mu       sync.Mutex
	room     int // bytes that are left
	oldest   *item
	newest   *item
	byTarget map[string]*item // timelines
	bySystem map[string]*item

	// How many items hold a history. Timelines that can be extended share those of their systems.
	histories map[*slo.SystemHistory]int

	epoch int64 // grows whenever it is heard that something was written
}

// item is one thing that is kept: a timeline or a system.
type item struct {
	judged    *judged
	system    *system
	size      int // beside the histories
	histories []*slo.SystemHistory
	older     *item
	newer     *item

	// When it was last seen to be what the store has.
	epoch   int64
	checked time.Time
}

func newKept(bytes int) *kept {
	return &kept{
		room: bytes, byTarget: map[string]*item{}, bySystem: map[string]*item{}, histories: map[*slo.SystemHistory]int{},
	}
}

// timeline returns the timeline of an objective, nil if it is not kept.
func (k *kept) timeline(id string) *judged {
	k.mu.Lock()
	defer k.mu.Unlock()
	j, _ := k.use(k.byTarget[id])
	return j
}

// timelines is timeline for many, in their order. Who passes by leaves no trace of it.
func (k *kept) timelines(ids []string, passes bool) []*judged {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := make([]*judged, len(ids))
	for i, id := range ids {
		it := k.byTarget[id]
		if passes && it != nil {
			found[i] = it.judged
		} else {
			found[i], _ = k.use(it)
		}
	}
	return found
}

// heard says that something was written: nothing is fresh any longer.
func (k *kept) heard() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
}

func (k *kept) now() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch
}

// fresh says which of the timelines were seen to be what the store has after an instant, and since when nothing was heard.
func (k *kept) fresh(list []*judged, after time.Time) []bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := make([]bool, len(list))
	for i, j := range list {
		if j != nil {
			it := k.byTarget[j.id]
			fresh[i] = it != nil && it.judged == j && it.epoch == k.epoch && it.checked.After(after)
		}
	}
	return fresh
}

// confirm notes that timelines were seen to be what the store has.
func (k *kept) confirm(list []*judged, epoch int64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, j := range list {
		if j == nil {
			continue
		}
		if it := k.byTarget[j.id]; it != nil && it.judged == j {
			it.epoch, it.checked = epoch, at
		}
	}
}

// system returns a system, nil if it is not kept.
func (k *kept) system(id string) *system {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, s := k.use(k.bySystem[id])
	return s
}

// use makes an item, if there is one, the newest, and returns what is in it.
func (k *kept) use(it *item) (*judged, *system) {
	if it == nil {
		return nil, nil
	}
	if it != k.newest {
		k.unlink(it)
		k.link(it)
	}
	return it.judged, it.system
}

func (k *kept) putTimeline(j *judged) {
	size := 512 + 64*len(j.keys) + j.timeline.Size()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remove(k.byTarget[j.id])
	k.put(&item{judged: j, size: size, histories: j.histories})
}

func (k *kept) putSystem(s *system) {
	size := s.size()
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := k.bySystem[s.id]; old != nil {
		if old.system.version > s.version {
			return
		}
		k.remove(old)
	}
	k.put(&item{system: s, size: size, histories: []*slo.SystemHistory{s.history}})
}

// grow adds observations to a system that is kept at the version before. Another version is of no use any longer.
func (k *kept) grow(id string, version int64, observations []slo.Observation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	it := k.bySystem[id]
	if it == nil || it.system.version >= version {
		return
	}
	k.remove(it)
	if it.system.version != version-1 || len(observations) == 0 {
		return
	}
	if s, err := it.system.with(observations, version); err == nil {
		k.put(&item{system: s, size: it.size, histories: []*slo.SystemHistory{s.history}})
	}
}

// put keeps an item, if it fits at all, in place of the oldest ones.
func (k *kept) put(it *item) {
	k.room -= it.size
	for _, h := range it.histories {
		if k.histories[h]++; k.histories[h] == 1 {
			k.room -= h.Size()
		}
	}
	k.link(it)
	if it.judged != nil {
		k.byTarget[it.judged.id] = it
	} else {
		k.bySystem[it.system.id] = it
	}
	for k.room < 0 {
		k.remove(k.oldest)
	}
}

func (k *kept) remove(it *item) {
	if it == nil {
		return
	}
	k.room += it.size
	for _, h := range it.histories {
		if k.histories[h]--; k.histories[h] == 0 {
			delete(k.histories, h)
			k.room += h.Size()
		}
	}
	k.unlink(it)
	if it.judged != nil {
		delete(k.byTarget, it.judged.id)
	} else {
		delete(k.bySystem, it.system.id)
	}
}

func (k *kept) link(it *item) {
	it.older, it.newer = k.newest, nil
	if k.newest != nil {
		k.newest.newer = it
	} else {
		k.oldest = it
	}
	k.newest = it
}

func (k *kept) unlink(it *item) {
	if it.older != nil {
		it.older.newer = it.newer
	} else {
		k.oldest = it.newer
	}
	if it.newer != nil {
		it.newer.older = it.older
	} else {
		k.newest = it.older
	}
	it.older, it.newer = nil, nil
}
