// Package entitytest checks implementations of package entity's interfaces, and helps users of the package to test their
// own code. It is for tests: it imports testing.
//
// # For who writes a Log or a Bus
//
// [RunLog] and [RunBus] are the specifications of [entity.Log] and [entity.Bus] in executable form: a list of named laws,
// each a subtest on a fresh Log or Bus. A subtest that fails prints its law, in words that say what to do. The whole test of
// an adapter:
//
//	func TestLog(t *testing.T) {
//		entitytest.RunLog(t, entitytest.LogHarness{
//			Open: func(t testing.TB) entity.Log {
//				log, err := sqlite.OpenLog(t.Context(), filepath.Join(t.TempDir(), "log.db"), nil)
//				if err != nil {
//					t.Fatal(err)
//				}
//				t.Cleanup(func() { log.Close() })
//				return log
//			},
//			Reopen: func(t testing.TB, log entity.Log) entity.Log {
//				return secondHandle(t, log) // as another process has one
//			},
//		})
//	}
//
// A Log that says that it is not shared has no relay, and is asked for what takes its place. A Log may run one transaction
// at a time, and may let a reader wait for a commit. The suite takes a second or two, most of it to wait for leases that run
// out and to see that what must not happen does not. It is tested itself: for each law there is a broken Log that fails it.
//
// # For who uses entities
//
// [CheckRead] checks that a host's read function sees what the host's writes do, in the transaction and after it. It is the
// one thing that the host must get right, and the one that fails in silence: a read outside of the transaction publishes
// the state before the write.
//
// [Recorder] records the changes that are delivered to it, and waits for them without sleeping, in a bubble of
// testing/synctest too.
package entitytest
