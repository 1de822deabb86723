package cache

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Sentinels of this package, matched with [errors.Is]. The errors that wrap them say what was wrong, and of which key.
var (
	// ErrInvalid says that an argument is outside what its doc comment allows. Nothing was read, loaded or changed.
	ErrInvalid = errors.New("cache: invalid")

	// ErrNotFound says that there is nothing under a key: a loader returns it to say so, and Get gives it to its caller, also
	// from what is kept for Options.NegativeTTL.
	ErrNotFound = errors.New("cache: not found")

	// ErrRecursive says that a loader asked for what waits for that very loader. The call that asked gets it, at once.
	ErrRecursive = errors.New("cache: load waits for itself")

	// ErrGoexit says that a loader called [runtime.Goexit], so that there is neither a value nor an error. Where the loader ran
	// on the goroutine of the caller (see [Scope.Get]), that one has ended, and the others who waited get it.
	ErrGoexit = errors.New("cache: loader called runtime.Goexit")

	// ErrNoPrefixes says that the Provider is no [Prefixed], so that nothing can be invalidated by prefix.
	ErrNoPrefixes = errors.New("cache: provider has no prefixes")

	// ErrUnreadable says that a Provider found under a key what is no entry: torn, of another codec, somebody else's. To
	// readers such a key is a miss, and the next load replaces it; Options.OnError hears of it.
	ErrUnreadable = errors.New("cache: unreadable entry")

	// ErrCodec says that a [Codec] did not give back what it was given, so that the value was not stored. Readers have got
	// what was loaded; Options.OnError hears of it.
	ErrCodec = errors.New("cache: codec loses data")

	// ErrUnasked says that a batch loader found a key that it was not asked for. What it found there is dropped, and
	// Options.OnError hears of it.
	ErrUnasked = errors.New("cache: loader found a key that it was not asked for")
)

// invalid says that the thing called what has a value outside of its bounds.
func invalid(what string, value any, want string) error {
	return fmt.Errorf("%w: %s %v: want %s", ErrInvalid, what, value, want)
}

// OpError is what Options.OnError hears: an error, and what it is an error of. [errors.AsType] finds it.
type OpError struct {
	Op    string // "read" or "store" of the provider, or "load" of a batch
	Scope string // the scope's name
	Err   error
}

func (e *OpError) Error() string {
	return fmt.Sprintf("cache: %s in scope %s: %v", e.Op, quote(e.Scope), e.Err)
}

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// PanicError is a panic of one of the host's functions, turned into an error where it was called: of a loader it is what
// the callers of Get and GetMany get, of a Provider a failure like others. Its text is a line about the value; who wants to
// know where it came from takes the Stack, which [errors.AsType] finds.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // of the goroutine, as runtime/debug prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("cache: panic: %v", e.Value) }

// Unwrap returns the value where it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// guard calls f and turns its panic into a PanicError.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
