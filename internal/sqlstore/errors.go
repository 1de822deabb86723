package sqlstore

import (
	"errors"

	"github.com/slokeep/slokeep/entity"
)

// Harmless tells of the errors of writing methods that are found before anything is written.
func Harmless(err error) bool {
	return errors.Is(err, entity.ErrLeaseLost) || errors.Is(err, entity.ErrNotFound) || errors.Is(err, entity.ErrInvalid)
}
