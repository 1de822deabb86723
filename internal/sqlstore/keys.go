package sqlstore

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
)

// CheckKeys refuses what a database, or the JSON in which lists get there, would not give back as it was. The error
// matches entity.ErrInvalid and names what and the value.
func CheckKeys(what string, keys ...string) error {
	for _, key := range keys {
		if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
			return fmt.Errorf("%w: %s %.64q: want valid UTF-8 without NUL", entity.ErrInvalid, what, key)
		}
	}
	return nil
}

// CheckLengths is CheckKeys for keys that have a bound, in bytes.
func CheckLengths(what string, limit int, keys ...string) error {
	for _, key := range keys {
		if len(key) > limit {
			return fmt.Errorf("%w: %s %.64q...: %d bytes: want at most %d", entity.ErrInvalid, what, key, len(key), limit)
		}
	}
	return CheckKeys(what, keys...)
}

// CheckNames is CheckKeys for leases and their holders, which must not be blank.
func CheckNames(what string, names ...string) error {
	for _, name := range names {
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("%w: %s %q: want a name that is not blank", entity.ErrInvalid, what, name)
		}
	}
	return CheckKeys(what, names...)
}
