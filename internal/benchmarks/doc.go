// Package benchmarks measures slokeep beside what people would otherwise use, in one run:
//
//	go test -run '^$' -bench . -count 8 ./internal/benchmarks
//
// It is a module of its own, so that nobody downloads the peers who does not measure. Machines differ and are busy: the
// ratios of a run count, not its nanoseconds.
package benchmarks
