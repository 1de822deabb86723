// Package storagetest checks implementations of [storage.Store], and makes a Store fail for those who test what is built on
// one. It is for tests: it imports testing.
//
// # For who writes a Store
//
// [Run] is the specification in executable form: a list of named laws, each a subtest on a fresh Store. A subtest that fails
// prints its law, in words that say what to do. The whole test of an adapter:
//
//	func TestStoreKeepsTheLaws(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{
//			Open: func(t testing.TB) storage.Store { return open(t, filepath.Join(t.TempDir(), "store.db")) },
//			Reopen: func(t testing.TB, s storage.Store) storage.Store {
//				return secondHandle(t, s) // as another process has one
//			},
//		})
//	}
//
// The laws of a [storage.HistoryCache] are among them where the Store is one.
//
// A Store may run one transaction at a time, and may let a reader wait for a commit. The suite takes a few seconds, most of
// them to see that what must not happen does not. It is tested itself: for each law there is a broken Store that fails it.
//
// # For who uses a Store
//
// [Faults] fails the calls of a Store that a test chooses: the third Put, any call, a commit that is refused, one that is
// done although its error says nothing of it, all writes. And it counts calls, for who claims to need a fixed number.
//
//	var faults storagetest.Faults
//	store := faults.Wrap(memory.New())
//	faults.Fail(storagetest.Fault{Method: "Put", N: 3})
//
// [WithHistories] makes a [storage.HistoryCache] of a Store that is none, such as storage/memory.
package storagetest
