package cache

import (
	"context"
	"sync"
)

// A node is a load among those that wait for each other: a loader may itself call Get, of any scope. Its methods may be
// called on nil, which is a caller that is no loader.
type node struct {
	outer *node // the load whose loader began this one

	mu    sync.Mutex
	waits map[*node]int // for which loads its loader's calls wait
}

type nodeKey struct{}

// nodeOf returns the load whose loader has been given ctx, or a context made of it.
func nodeOf(ctx context.Context) *node {
	n, _ := ctx.Value(nodeKey{}).(*node)
	return n
}

// waitFor notes that n, and whatever load it is a part of, waits for another load, and reports false where that one waits
// for one of them, so that none would ever end. Of two that find each other at the same time, both may be told so.
func (n *node) waitFor(other *node) bool {
	for a := n; a != nil; a = a.outer {
		a.mu.Lock()
		if a.waits == nil {
			a.waits = map[*node]int{}
		}
		a.waits[other]++
		a.mu.Unlock()
	}
	for a := n; a != nil; a = a.outer {
		if other.reaches(a, map[*node]bool{}) {
			n.waited(other)
			return false
		}
	}
	return true
}

// waited takes waitFor back.
func (n *node) waited(other *node) {
	for a := n; a != nil; a = a.outer {
		a.mu.Lock()
		if a.waits[other]--; a.waits[other] == 0 {
			delete(a.waits, other)
		}
		a.mu.Unlock()
	}
}

// reaches reports whether n is, or waits for, the target.
func (n *node) reaches(target *node, seen map[*node]bool) bool {
	if n == target {
		return true
	}
	if seen[n] {
		return false
	}
	seen[n] = true
	n.mu.Lock()
	next := make([]*node, 0, len(n.waits))
	for m := range n.waits {
		next = append(next, m)
	}
	n.mu.Unlock()
	for _, m := range next {
		if m.reaches(target, seen) {
			return true
		}
	}
	return false
}
