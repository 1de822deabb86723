package slo

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Sentinels of this package, matched with [errors.Is]. The errors that wrap them name what was wrong, the field and the
// value.
var (
	// ErrInvalid says that an argument is outside what its doc comment allows. Nothing was changed.
	ErrInvalid = errors.New("slo: invalid")

	// ErrConflict says that one source gives two different accounts under one revision. Nothing was changed.
	ErrConflict = errors.New("slo: conflict")
)

const (
	maxID   = 256      // bytes
	maxText = 16 << 10 // bytes of a name, a note or a reason
	maxShow = 64       // bytes of a bad value that an error repeats
)

// fieldError is an ErrInvalid that says which field of what has which bad value, and what would do.
type fieldError struct {
	what, field, value, want string
}

func (e *fieldError) Error() string {
	var b strings.Builder
	b.WriteString("slo: ")
	if e.what != "" {
		b.WriteString(e.what)
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s %s: want %s", e.field, e.value, e.want)
	return b.String()
}

func (e *fieldError) Is(target error) bool { return target == ErrInvalid }

// about says which one of its kind an error is about, if there is one: nothing is put together before.
func about(err error, kind, id string) error {
	if err == nil {
		return nil
	}
	return prefixed(err, kind+" "+show(id))
}

// prefixed puts something before what an error is about.
func prefixed(err error, what string) error {
	if e, ok := errors.AsType[*fieldError](err); ok {
		if e.what != "" {
			what += ": " + e.what
		}
		e.what = what
	}
	return err
}

// invalid builds a fieldError; what may be empty, and value is printed as a Go user would write it.
func invalid(what, field string, value any, want string) error {
	return &fieldError{what: what, field: field, value: show(value), want: want}
}

func show(value any) string {
	s, ok := value.(string)
	if !ok {
		return fmt.Sprint(value)
	}
	if len(s) > maxShow {
		return fmt.Sprintf("%q... (%d bytes)", s[:maxShow], len(s))
	}
	return fmt.Sprintf("%q", s)
}

func checkID(what, field, id string) error {
	switch {
	case id == "" || len(id) > maxID:
		return invalid(what, field, id, fmt.Sprintf("1 to %d bytes", maxID))
	case !utf8.ValidString(id):
		return invalid(what, field, id, "valid UTF-8")
	case strings.IndexByte(id, 0) >= 0:
		return invalid(what, field, id, "no NUL")
	}
	return nil
}

func checkOptionalID(what, field, id string) error {
	if id == "" {
		return nil
	}
	return checkID(what, field, id)
}

func checkText(what, field, text string) error {
	if len(text) > maxText {
		return invalid(what, field, text, fmt.Sprintf("at most %d bytes", maxText))
	}
	if !utf8.ValidString(text) {
		return invalid(what, field, text, "valid UTF-8")
	}
	return nil
}

// rfc3339 is how errors show an instant.
func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
