package cache

import (
	"context"
	"iter"
	"strings"
	"time"
)

// Provider keeps entries for scopes: [Memory] in this process, cache/redis on a server, or the host's own. It is the whole
// of what a [Scope] needs; what it can do beyond that it says by being a [Fenced] or a [Prefixed], too. Package cachetest
// proves one. Its methods must be safe for concurrent use.
//
// An entry is under a key of a scope. Scopes do not meet: "a:" with the key "b:c" is not "a:b:" with the key "c". The
// Scope has checked names and keys (see [NewScope]). A Provider may forget an entry at any time; one that it gives is as
// it was stored, and not older than its TTL, but for the grain of the Provider's clock. It does not change the slices it
// is given, nor keep them after it has returned; callbacks are called from the calling goroutine, before it returns, and
// return at once. It does not call the Scope.
//
// The ctx of a read is the caller's, and has its end. That of a Set, SetIf, Delete or DeletePrefix has none: the Provider
// itself must see to it that they do not take for ever, since callers wait for them.
//
// An error says that the Provider could not do its work. What it had already called back stands.
type Provider[V any] interface {
	// Get calls found for each of the keys that has an entry, with its index in keys. What is there and is no entry
	// counts as nothing, and is reported by an error that matches [ErrUnreadable] where the Provider can tell it from
	// nothing. It returns soon after ctx has ended. Keys are distinct.
	Get(ctx context.Context, scope string, keys []string, found func(i int, e Entry[V])) error

	// Set stores items, each in place of what was under its key. Their Tokens do not matter. Keys are distinct. An item that
	// is too large, or that its codec loses, is not stored, and what was under its key is gone all the same.
	Set(ctx context.Context, scope string, items []Item[V]) error

	// Delete removes what is under the keys, which are distinct; one without an entry is no error. When it has returned,
	// nothing that was stored before is given to anybody. A failed Delete may have removed some, and none that was not asked
	// for.
	Delete(ctx context.Context, scope string, keys []string) error
}

// Fenced is a [Provider] that orders the stores and deletes of one key, whoever makes them, in whichever process: what was
// loaded before a Delete is never stored after it.
//
// For that it counts. Each key has a token:
//
//   - a miss hands it out;
//   - a Delete of the key, or a DeletePrefix of one of its prefixes, makes it another one, in one atomic step with the removal;
//   - SetIf stores only while it is the one that was handed out.
//
// A token is a counter and no clock. Where its marker is missing - at first, after the server was flushed or has
// forgotten it - a miss makes one that starts at a random number of 63 bits, so that none is ever used twice. SetIf
// never makes one.
type Fenced[V any] interface {
	Provider[V]

	// GetFenced is Get that also calls missed for each key without an entry, with its token at that instant: of one that was
	// deleted since, the token is another. A token is not empty. A key for which neither is called could not be read.
	GetFenced(ctx context.Context, scope string, keys []string, found func(i int, e Entry[V]), missed func(i int, t Token)) error

	// SetIf is Set for those of the items whose Token is still their key's, and does nothing for the others. It returns how
	// many were stored.
	SetIf(ctx context.Context, scope string, items []Item[V]) (stored int, err error)
}

// Prefixed is a [Provider] that can remove by prefix.
type Prefixed interface {
	// DeletePrefix is Delete for all keys of the scope that begin with prefix, seen or not. prefix is one that [Prefixes]
	// yields: empty, for the whole scope, or up to a separator and with it.
	DeletePrefix(ctx context.Context, scope, prefix string) error
}

// Entry is what a [Provider] keeps under a key.
type Entry[V any] struct {
	Value  V    // what was loaded; the zero V where Absent
	Absent bool // whether the loader said that there is nothing
}

// Item is an [Entry] to be stored.
type Item[V any] struct {
	Key   string
	Entry Entry[V]
	TTL   time.Duration // for how long it may be given; more than 0
	Token Token         // for [Fenced].SetIf
}

// Token is what a [Fenced] provider gave with a miss. Only it knows what is in it; two are equal when they are the same
// string. The empty one is none.
type Token string

// Separator ends each part of a key but the last, and each prefix. Keys have at most [MaxSeparators] of it.
const Separator = ":"

// MaxSeparators is how many separators a key may have, since a fenced provider reads as many counters with it.
const MaxSeparators = 4

// Prefixes yields the prefixes by which a key can be invalidated, the shortest first: "" for its whole scope, and what is
// up to each separator. The prefixes of "system:eu:7" are "", "system:" and "system:eu:".
func Prefixes(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for end := 0; yield(key[:end]); {
			next := strings.Index(key[end:], Separator)
			if next < 0 {
				return
			}
			end += next + len(Separator)
		}
	}
}
