// Package failtest runs a test that is to fail, and says what it said: so conformance suites prove that their laws can fail.
package failtest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that keeps what is said to it.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	said     []string
	cleanups []func()
}

// Run runs f as a test of its own, with its cleanups, and waits for its end. It returns whether f failed, and all that it
// said, a line for each time. A panic of f is a failure. What else f asks of its TB, t answers.
func Run(t testing.TB, f func(t testing.TB)) (failed bool, said string) {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				r.Errorf("panic: %v", v)
			}
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		f(r)
	}()
	<-done
	return r.failed, strings.Join(r.said, "\n")
}

func (r *recorder) say(failed bool, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.said = append(r.said, what)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.say(true, "failed")
	runtime.Goexit()
}

func (r *recorder) Helper()                      {}
func (r *recorder) Cleanup(f func())             { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fail()                        { r.say(true, "failed") }
func (r *recorder) Log(v ...any)                 { r.say(false, fmt.Sprint(v...)) }
func (r *recorder) Logf(format string, v ...any) { r.say(false, fmt.Sprintf(format, v...)) }
func (r *recorder) Error(v ...any)               { r.say(true, fmt.Sprint(v...)) }
func (r *recorder) Errorf(f string, v ...any)    { r.say(true, fmt.Sprintf(f, v...)) }
func (r *recorder) Fatal(v ...any)               { r.say(true, fmt.Sprint(v...)); runtime.Goexit() }
func (r *recorder) Fatalf(f string, v ...any)    { r.say(true, fmt.Sprintf(f, v...)); runtime.Goexit() }
