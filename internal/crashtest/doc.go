// Package crashtest proves of a store that nothing is lost on it: when the process that works with it is killed at any
// instant, when its connections are cut, and when many processes work at once. It is for the adapters' own tests; what
// single methods must do, package storagetest says.
//
//	func TestMain(m *testing.M) {
//		if crashtest.IsWorker() {
//			os.Exit(crashtest.Work(open, nil))
//		}
//		os.Exit(m.Run())
//	}
//
//	func TestNothingIsLostWhenAnEngineIsKilled(t *testing.T) {
//		crashtest.Kill(t, crashtest.Harness{Target: filepath.Join(t.TempDir(), "slo.db"), Open: open, Kills: 25})
//	}
//
// A worker is the test binary, run again. It lives through four days in a second, and tells an engine of systems, counts up
// entities of the host's, runs the daily job, makes digests, deletes and makes anew, and handles what is delivered to a
// group. Before each operation it prints what it is about to do, and after it what came of it, so that the test knows what
// was acknowledged, what is in doubt and what was never tried.
//
// # What is checked
//
//  1. What was acknowledged is there: facts by their keys, entities by their changes, objectives, digests.
//  2. What is in doubt is there as a whole or not at all; what was refused, and what was deleted, is not there.
//  3. A host's row and the entity that is read from it are of one transaction, and so is a row of a table of the host's own,
//     where the store has such a [HostTable].
//  4. The feed has the Positions 1, 2, 3, ..., and of each entity the Versions 1, 2, 3, ...; each Prev is the Next before.
//  5. Each change was handled, and none before the one that it follows.
//  6. Answers, days, streaks, achievements and published states are those of an engine in memory that was told the same
//     facts in another order. So no day is missing, counted twice or left as it was before a fact that came late, and no
//     answer is made of what is known no longer; the workers that end in order say the same.
//  7. Nothing fails but with entity.ErrConflict, or where connections are cut, with what else is in order there.
//
// # How to read a failure
//
// Messages name the operation by its ID: the worker, its launch, and a number. The seed fixes what is tried, neither when
// that is nor the instant at which a process is killed: run it some more times.
package crashtest
