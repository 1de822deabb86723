package streak

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrInvalid says that an argument is outside what its doc comment allows. Nothing was changed. The errors that match it
// with [errors.Is] name what was wrong, the field and the value.
var ErrInvalid = errors.New("streak: invalid")

const (
	maxID   = 256 // bytes
	maxShow = 64  // bytes of a bad value that an error repeats
)

// fieldError is an ErrInvalid that says which field of what has which bad value, and what would do.
type fieldError struct {
	what, field, value, want string
}

func (e *fieldError) Error() string {
	what := ""
	if e.what != "" {
		what = e.what + ": "
	}
	return fmt.Sprintf("streak: %s%s %s: want %s", what, e.field, e.value, e.want)
}

func (e *fieldError) Is(target error) bool { return target == ErrInvalid }

// invalid builds a fieldError; what may be empty.
func invalid(what, field string, value any, want string) error {
	return &fieldError{what: what, field: field, value: show(value), want: want}
}

// show prints a value as a Go user would write it.
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
