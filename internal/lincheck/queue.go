package lincheck

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// move is one step of the queue of an entity's changes, as one subscriber sees it: somebody publishes, the subscriber
// gets, or somebody reads how many there are.
type move struct {
	verb    string // "publish", "deliver", "retry", "read"
	version int64
}

// queue is how many changes there are, and how many of them the subscriber has.
type queue struct{ published, delivered int64 }

// step says whether a move is possible. first is where the subscriber may begin.
func (q queue) step(m move) (bool, queue) {
	switch m.verb {
	case "publish":
		ok := m.version == q.published+1
		q.published = m.version
		return ok, q
	case "deliver": // what has not been published cannot be delivered, nor out of order
		ok := m.version <= q.published && (m.version == q.delivered+1 || q.delivered == 0)
		q.delivered = m.version
		return ok, q
	case "retry":
		return m.version <= q.delivered, q
	case "read":
		return m.version == q.published, q
	}
	return false, q
}

// QueueModel is the sequential specification of how one subscriber gets the changes of one entity: a queue that many fill.
func QueueModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return queue{} },
		Step: func(state, input, _ any) (bool, any) { return state.(queue).step(input.(move)) },
		DescribeOperation: func(input, _ any) string {
			m := input.(move)
			return fmt.Sprint(m.verb, " ", m.version)
		},
	}
}

// CheckQueue checks in time what a subscriber was given: that nothing was delivered before it was published, and that what
// a handler reads is what was published by then. history is that of the writers and readers.
func CheckQueue(history []porcupine.Operation, s Subscriber, timeout time.Duration) error {
	byID := map[string][]porcupine.Operation{}
	add := func(id string, client int, call, end int64, m move) {
		byID[id] = append(byID[id], porcupine.Operation{ClientId: client, Input: m, Call: call, Return: end})
	}
	for _, op := range history {
		in, out := op.Input.(Input), op.Output.(Output)
		switch {
		case out.Failed:
		case in.Verb < Get && out.Change.Version > 0:
			add(in.ID, op.ClientId, op.Call, op.Return, move{"publish", out.Change.Version})
		case in.Verb == Version:
			add(in.ID, op.ClientId, op.Call, op.Return, move{"read", out.Version})
		}
	}
	const handler = 1000 // the clients of handlers, apart from those of the history
	newest := map[string]int64{}
	for _, a := range sorted(s.Attempts) {
		id, verb := a.Change.ID, "deliver"
		if a.Change.Version <= newest[id] {
			verb = "retry"
		}
		newest[id] = max(newest[id], a.Change.Version)
		add(id, handler+a.Process, a.Start, a.End, move{verb, a.Change.Version})
		if a.Looked {
			add(id, handler+a.Process, a.Start, a.End, move{"read", a.Version})
		}
	}
	if err := checkEach(byID, QueueModel(), timeout); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}
