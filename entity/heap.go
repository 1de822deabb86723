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

// put brings x to its place.
func (h *dueHeap[T]) put(x T) {
	switch t := x.inHeap(); {
	case t.due == never:
		h.remove(x)
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

// pop takes out all that is due at the first instant.
func (h *dueHeap[T]) pop() (due int64, xs []T) {
	due = h.first()
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
