package cache

import (
	"sync"
	"sync/atomic"
)

// An index knows the entries of a space by their prefixes, so that an invalidation by prefix costs what it removes. It is made
// when the first one comes: who never invalidates by prefix pays nothing for it.
type index[V any] struct {
	made sync.Once
	on   atomic.Bool // what is stored is added

	mu     sync.Mutex
	groups map[string]*group[V]
}

// A group is the entries that have one prefix.
type group[V any] struct {
	prefix string
	first  *member[V]
}

// A member is an entry in a group.
type member[V any] struct {
	node       *entryNode[V]
	group      *group[V]
	prev, next *member[V]
}

// add puts an entry into the groups of its prefixes, but that of the whole space. The lock of its shard is held.
func (x *index[V]) add(n *entryNode[V]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n.members != nil {
		return
	}
	count := 0
	for prefix := range Prefixes(n.key) {
		if prefix != "" {
			count++
		}
	}
	members := make([]member[V], 0, count) // whose elements stay where they are
	n.members = &members
	for prefix := range Prefixes(n.key) {
		if prefix == "" {
			continue
		}
		g := x.groups[prefix]
		if g == nil {
			g = &group[V]{prefix: n.key[:len(prefix)]}
			x.groups[prefix] = g
		}
		members = append(members, member[V]{node: n, group: g, next: g.first})
		m := &members[len(members)-1]
		if g.first != nil {
			g.first.prev = m
		}
		g.first = m
	}
}

// remove takes an entry out of its groups. The lock of its shard is held.
func (x *index[V]) remove(n *entryNode[V]) {
	if n.members == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range *n.members {
		m := &(*n.members)[i]
		if m.next != nil {
			m.next.prev = m.prev
		}
		if m.prev != nil {
			m.prev.next = m.next
			continue
		}
		if m.group.first = m.next; m.next == nil {
			delete(x.groups, m.group.prefix)
		}
	}
}

// with returns the entries that have a prefix.
func (x *index[V]) with(prefix string) (nodes []*entryNode[V]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if g := x.groups[prefix]; g != nil {
		for m := g.first; m != nil; m = m.next {
			nodes = append(nodes, m.node)
		}
	}
	return nodes
}

// makeIndex makes the index of what is there and of what comes.
func (s *space[V]) makeIndex() {
	s.index.groups = map[string]*group[V]{}
	s.index.on.Store(true)
	for i := range s.m.shards {
		s.m.each(&s.m.shards[i], func(n *entryNode[V]) {
			if n.space == s {
				s.index.add(n)
			}
		})
	}
}

// removePrefix removes the entries whose keys begin with a prefix, which is not that of the whole space.
func (s *space[V]) removePrefix(prefix string) {
	s.index.made.Do(s.makeIndex)
	for _, n := range s.index.with(prefix) {
		sh := s.m.shard(n.hash)
		sh.mu.Lock()
		if !n.gone {
			s.m.unlink(sh, n)
		}
		sh.mu.Unlock()
	}
}
