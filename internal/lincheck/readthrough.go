package lincheck

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// Stored is what a cache has of a key: what a loader read of it.
type Stored struct {
	Key     string
	Version int64 // as often as the key had been written
	Read    int64 // when it was read, on the clock of the history
}

// Absent says of which versions of a key there is nothing.
func Absent(version int64) bool { return version%4 == 3 }

// Did is what somebody did to a key of a cache, or to what is behind the cache.
type Did string

// What can be done.
const (
	Write      Did = "write"      // of the truth, which is at one instant
	Load       Did = "load"       // a loader read the truth, at one instant, too
	Invalidate Did = "invalidate" // an invalidation that has returned nil, alone or with others or by prefix
	Given      Did = "given"      // a Get or a GetMany has given something
	Nothing    Did = "nothing"    // a Get or a GetMany has said that there is nothing
)

// Touch is one thing that was done to one key, from Call to Return. What was done to several keys at once is as many. A read
// that failed has told nothing, and an invalidation that failed promises nothing: neither is a Touch.
type Touch struct {
	Did
	Client       int
	Call, Return int64
	Stored       // what was written, loaded or given; of Invalidate, the truth at Call
}

// readThrough is one key, as it is allowed to look.
type readThrough struct {
	truth int64 // the version that is true
	floor int64 // what is older than this version is given no more
	since int64 // nor what was read before
}

// step says whether something can be done, and what is afterwards.
func (k readThrough) step(t Touch) (bool, readThrough) {
	switch t.Did {
	case Write:
		ok := t.Version == k.truth+1
		k.truth = t.Version
		return ok, k
	case Load:
		return t.Version == k.truth, k
	case Invalidate:
		ok := t.Version <= k.truth
		k.floor, k.since = max(k.floor, t.Version), max(k.since, t.Call)
		return ok, k
	case Given:
		return k.floor <= t.Version && t.Version <= k.truth && t.Read >= k.since && !Absent(t.Version), k
	case Nothing: // by which version is not told
		for v := k.floor; v <= k.truth; v++ {
			if Absent(v) {
				return true, k
			}
		}
	}
	return false, k
}

// ReadThroughModel is the sequential specification of one key of a cache: a register whose reads may be old, but not older
// than an invalidation. A write changes the truth; an invalidation lifts the floor to what was true when it was called; a
// read gives something from the floor up to the truth.
//
// That a history is one of this model is the law, no less and no more. Law 1 of package cache says: a Get that is called
// after an Invalidate has returned is given nothing that was read before that Invalidate was called.
//
// No less: in whatever order the model agrees to, such a Get comes after the Invalidate, since each takes effect between its
// call and its return. So the floor is what was true at that call or newer, and since is no earlier than that call. And what
// is written after the Get has returned is not yet true, so that nobody is given it.
//
// No more: say that a history keeps the law. Let each Invalidate take effect just before it returns, writes and loads when
// they happened, and each Get as late as it can: just before it returns, or, where that comes first, before the first return
// of an Invalidate that was called after what the Get gives had been read. That instant is not before the Get was called, or
// else the Get would have broken the law. Nor is it before the read, which was before the Get returned and before that
// Invalidate was called, so that what is given has been written. And neither the floor nor since is above it yet.
//
// That is why an Invalidate brings along what was true when it was called. If it lifted the floor to what is true when it
// takes effect, it would promise something of writes that came while it was under way, and those it need not have seen.
//
// The law is one of each key, so that a history is judged key by key: a batch promises nothing of its keys together, nor
// does a prefix. Everything in the state only grows, and reads do not change it, so that judging is fast.
func ReadThroughModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return readThrough{} },
		Step: func(state, input, _ any) (bool, any) { return state.(readThrough).step(input.(Touch)) },
		DescribeOperation: func(input, _ any) string {
			t := input.(Touch)
			switch t.Did {
			case Nothing:
				return string(t.Did)
			case Given:
				return fmt.Sprintf("given version %d, read at %d", t.Version, t.Read)
			}
			return fmt.Sprintf("%s version %d", t.Did, t.Version)
		},
	}
}

// CheckReadThrough checks that nobody was given what was too old, or what no loader has read. Calls and returns are those of
// one clock, on which no two instants are the same.
func CheckReadThrough(history []Touch, timeout time.Duration) error {
	byKey, loaded := map[string][]porcupine.Operation{}, map[Stored]bool{}
	for _, t := range history {
		byKey[t.Key] = append(byKey[t.Key], porcupine.Operation{ClientId: t.Client, Input: t, Call: t.Call, Return: t.Return})
		if t.Did == Load {
			loaded[t.Stored] = true
		}
	}
	for _, t := range history {
		if t.Did == Given && !loaded[t.Stored] {
			return fmt.Errorf("client %d was given %+v, which was never loaded", t.Client, t.Stored)
		}
	}
	return checkEach(byKey, ReadThroughModel(), timeout)
}
