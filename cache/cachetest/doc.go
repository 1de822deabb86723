// Package cachetest checks implementations of [cache.Provider]. It is for tests: it imports testing.
//
// [Run] is the contract in executable form: a list of named laws, each a subtest on a fresh store. A subtest that fails
// prints its law, in words that say what to do. The whole test of a provider in the process:
//
//	func TestProviderKeepsTheLaws(t *testing.T) {
//		cachetest.Run(t, cachetest.Harness{
//			Open: func(testing.TB) (a, b cache.Provider[cachetest.Value]) {
//				p := newProvider[cachetest.Value]()
//				return p, p
//			},
//			Local: true,
//		})
//	}
//
// and of one on a server, which many processes share:
//
//	cachetest.Run(t, cachetest.Harness{
//		Open: func(t testing.TB) (a, b cache.Provider[cachetest.Value]) {
//			name := t.Name()
//			return dial[cachetest.Value](t, name), dial[cachetest.Value](t, name)
//		},
//		Fenced: true, Prefixed: true,
//	})
//
// The first laws are those of the Provider by itself: what it keeps, for how long, under which keys, and what it does with
// slices, callbacks and contexts; then those of its tokens, if it is a [cache.Fenced], and of its prefixes, if it is a
// [cache.Prefixed]. The others are the seven laws of package cache, as a [cache.Scope] shows them that reads through the
// Provider: with loaders that are held up until something else has happened, with two Scopes on the two ends of the store,
// and with a Provider that fails.
//
// Loads are held up by channels, so that nothing depends on who is faster. The suite is tested itself: for each law there is
// a broken Provider or Scope that fails it.
package cachetest
