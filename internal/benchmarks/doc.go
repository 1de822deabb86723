// Package benchmarks measures slokeep beside what people would otherwise use, in one run:
//
//	go test -run '^$' -bench . -count 8 ./internal/benchmarks
//
// Caches are run in rounds, and shown as tables; and what each does when something goes wrong around a load is probed:
//
//	go run ./internal/benchmarks/cachetable
//	go test -run CacheBehaviour -v ./internal/benchmarks
//
// It is a module of its own, so that nobody downloads the peers who does not measure. Machines differ and are busy: the
// ratios of a run count, not its nanoseconds.
package benchmarks
