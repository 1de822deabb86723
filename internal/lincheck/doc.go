// Package lincheck has the specifications of packages entity and cache as models, and checkers that compare with them what
// many writers, subscribers and readers saw. Nobody imports it: its tests are what it is for. They drive registries on an
// entity.Memory, and on a file of storage/sqlite with two handles, and scopes of a cache, at random:
//
//   - Writers and readers. Several processes mutate, remove and read a few entities at once, with writes that fail, panic,
//     are interrupted, are nested, or write several entities. porcupine checks that each entity is one register of a state
//     and a version ([RegisterModel]).
//   - Subscribers. Processes with broadcasts and groups come and go meanwhile, or are cut off from the Log; handlers fail,
//     panic, and mutate what they were told about. [Committed.Check] compares what was delivered with what writers were told
//     that they published; porcupine checks in time that it was a queue ([QueueModel]); and [Committed.CheckFeed] compares
//     the feed.
//   - A Log, used by one, is its model ([LogModel]), and so is a kind of a Registry, through two registries whose clocks
//     differ ([KindModel]): state machines of rapid, which makes what fails small.
//   - Readers through a cache, who get, get many, write, and invalidate keys and prefixes, on a cache.Memory, on a provider
//     that cannot fence, and on a Redis from two processes, whose lines fail and which forgets what it likes; loaders are
//     slow, fail, panic and exit, and callers leave. porcupine checks that nobody is given what an invalidation has removed
//     ([ReadThroughModel], which says why it is the law).
//   - Logs and caches that have one fault each are found by these same checks.
//
// # How to run it
//
// By default the random part takes 22 s, with -short 3 s. Before a change to how entities are written or delivered, or to
// how a cache is invalidated, run it for minutes, with the race detector too:
//
//	go test ./internal/lincheck
//	go test ./internal/lincheck -timeout 0 -v -args -for 10m
//	go test ./internal/lincheck -race -timeout 0 -args -for 10m
//
// What fails names a seed. It says what is attempted, not how the goroutines take turns: give it more than one chance.
//
//	go test ./internal/lincheck -run '^TestSubscribers$/^on_SQLite$' -args -seed 7 -for 5m
//
// Seeds of state machines, in which one thing happens after another, show the failure again at once; rapid names the exact
// one, for -rapid.seed. With -v each test says how much it looked at.
//
// # What holds
//
//  1. Of an entity all operations, in whichever processes, are as if they had happened one after another, each between its
//     call and its return. A write that changes publishes the next Version, with Prev as it was published last; one that
//     changes nothing publishes nothing; one that fails has done nothing.
//  2. What was published is delivered to each subscriber from its subscription on, those of an entity in their order, each
//     before the next; to a group by all of its members together. Nothing else is.
//  3. Who has a change reads at least its Version, and a state that is not older.
//  4. Positions have no gap, and tell everybody the same.
//  5. Who asks a cache after an invalidation has returned is given nothing that was read before it was called, by whomever
//     and in whichever process.
//
// The models are plain and have no goroutines. They are the files without _test in their names.
package lincheck
