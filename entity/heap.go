package entity

import "container/heap"

// slot is what a thing in a heap has: an instant at which it is due.
type slot struct {
	due   int64 // in microseconds; never: not by time
	place int32 // in its heap, from 1; 0: in none
}

func (s *slot) inHeap() *slot { return s }

// dueHeap has what is due first in front. What is never due is not in it.
type dueHeap[T interface{ inHeap() *slot }] []T

func (h dueHeap[T]) Len() int           { return len(h) }
func (h dueHeap[T]) Less(i, j int) bool { return h[i].inHeap().due < h[j].inHeap().due }
func (h dueHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].inHeap().place, h[j].inHeap().place = int32(i+1), int32(j+1)
}

// Push and Pop are for package heap.
func (h *dueHeap[T]) Push(x any) {
	*h = append(*h, x.(T))
	x.(T).inHeap().place = int32(len(*h))
}

func (h *dueHeap[T]) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	var none T
	(*h)[last], *h = none, (*h)[:last]
	x.inHeap().place = 0
	return x
}

// put says when x is due, and brings it to its place. What is in a heap must not get another due in any other way: a heap
// can be mended where one is out of place, not where several are.
func (h *dueHeap[T]) put(x T, due int64) {
	t := x.inHeap()
	if due == never {
		h.remove(x)
	}
	t.due = due
	switch {
	case due == never:
	case t.place == 0:
		heap.Push(h, x)
	default:
		heap.Fix(h, int(t.place-1))
	}
}

func (h *dueHeap[T]) remove(x T) {
	if place := x.inHeap().place; place > 0 {
		heap.Remove(h, int(place-1))
	}
}

// popDue takes out all that is due at the first instant, where that is until some instant or before.
func (h *dueHeap[T]) popDue(until int64) (due int64, xs []T) {
	if due = h.first(); due > until || due == never {
		return due, nil
	}
	for len(*h) > 0 && h.first() == due {
		xs = append(xs, heap.Pop(h).(T))
	}
	return due, xs
}

// first is when something is due; never where nothing is.
func (h dueHeap[T]) first() int64 {
	if len(h) == 0 {
		return never
	}
	return h[0].inHeap().due
}
