package entity

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"unicode/utf8"
)

// Sentinels of this package, matched with [errors.Is]. The errors that wrap them name what was wrong, and of what.
var (
	// ErrInvalid says that an argument is outside what its doc comment allows. Nothing was changed.
	ErrInvalid = errors.New("entity: invalid")

	// ErrConflict says that what was asked contradicts what is there: a second kind of one name, two handlers of one group
	// with other options, a wait for a lock that would close a circle. Nothing was changed, and a transaction that lost such
	// a wait may be tried again as a whole.
	ErrConflict = errors.New("entity: conflict")

	// ErrNotFound says that there is no such thing: an entity that its read does not find, a parked change, a group.
	ErrNotFound = errors.New("entity: not found")

	// ErrRead says that a host's read function broke its contract: it found what nobody asked for, found one entity twice, or
	// still finds what was removed in the same transaction. Nothing was changed.
	ErrRead = errors.New("entity: read broke its contract")

	// ErrLeaseLost says that a lease has passed to another holder since the token was given. Nothing was written.
	ErrLeaseLost = errors.New("entity: lease lost")

	// ErrNotStarted says that the Registry delivers nothing yet, so that waiting for a change would be for ever.
	ErrNotStarted = errors.New("entity: registry not started")

	// ErrClosed says that the Registry is closed, or that a transaction was used after its end.
	ErrClosed = errors.New("entity: closed")
)

// PanicError is a panic of one of the host's functions, turned into an error where it was called. Its text is a line about
// the value; who wants to know where it came from takes the Stack, which errors.AsType finds.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine, as debug.Stack prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic where that is an error.
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

const (
	maxID   = 256 // bytes
	maxShow = 64  // bytes of a bad value that an error repeats
)

// invalid wraps ErrInvalid with the field, its value and what would do.
func invalid(field string, value any, want string) error {
	if s, ok := value.(string); ok {
		value = quote(s)
	}
	return fmt.Errorf("%w: %s %v: want %s", ErrInvalid, field, value, want)
}

func quote(s string) string {
	if len(s) > maxShow {
		return fmt.Sprintf("%q... (%d bytes)", s[:maxShow], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// checkID holds for the names that a host gives: of entities, groups and watches.
func checkID(field, id string) error {
	switch {
	case id == "" || len(id) > maxID:
		return invalid(field, id, fmt.Sprintf("1 to %d bytes", maxID))
	case !utf8.ValidString(id):
		return invalid(field, id, "valid UTF-8")
	case strings.IndexByte(id, 0) >= 0:
		return invalid(field, id, "no NUL")
	}
	return nil
}

// checkName holds for names that people read and write: an ID that is not blank.
func checkName(field, name string) error {
	if strings.TrimSpace(name) == "" {
		return invalid(field, name, "a name that is not blank")
	}
	return checkID(field, name)
}
