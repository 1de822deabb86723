package rediscache

import "strings"

// What is on the server for a scope, in the names of its keys after the slot.
const (
	valueKey  = "v:" // and a key: its entry
	markerKey = "m:" // and a key: the first part of its token
	prefixKey = "p:" // and a prefix: the generation of what begins with it
)

// escape keeps braces out of a slot.
var escape = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")

// slot is how all names of a scope begin. What is in braces decides where in a cluster a key is: there all keys of a scope
// are together, so that one script reaches them. Slots of two scopes differ, and none begins with another.
func (p *Provider[V]) slot(scope string) string { return p.prefix + "{" + escape.Replace(scope) + "}" }
