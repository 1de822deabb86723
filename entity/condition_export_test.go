package entity

import "reflect"

// SameTree reports whether two valid conditions have the same tree, whatever their texts say.
func SameTree(a, b Condition) bool {
	return a.root != nil && b.root != nil && reflect.DeepEqual(a.root, b.root)
}

// Measure walks the tree of a valid condition, in place of what it says of itself.
func Measure(c Condition) (size, depth int) { return measure(c.root) }

func measure(n *node) (size, depth int) {
	for _, kid := range n.kids {
		s, d := measure(kid)
		size, depth = size+s, max(depth, d)
	}
	return size + 1, depth + 1
}

// Claims returns what a condition says of its tree.
func Claims(c Condition) (size, depth int) { return c.size, c.depth }

// ParsePath reads a path as conditions do.
func ParsePath(text string) (kind, id string, fields []string, err error) {
	p, err := parsePath(text)
	return p.kind, p.id, p.fields, err
}
