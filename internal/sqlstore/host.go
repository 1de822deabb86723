package sqlstore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/entity"
)

// Savepoints are those that a host has set in a transaction, which a library writes in, too. The zero value has none.
type Savepoints struct{ set []savepoint }

type savepoint struct {
	name   string
	writes int // of the library, before it was set
}

// Note notes a statement of the host's before it is run, writes being how much the library has written in the transaction so
// far, and reports whether it sets a savepoint. ErrInvalid: it would end the transaction, or undo what the library has
// written, which the library would not notice. Of several statements in one text it knows the first.
func (s *Savepoints) Note(statement string, writes int) (sets bool, err error) {
	words := firstWords(statement)
	switch verb := words.next(); verb {
	case "BEGIN", "START", "COMMIT", "END", "ABORT":
		return false, ends(verb)
	case "PREPARE":
		if words.next() == "TRANSACTION" {
			return false, ends("PREPARE TRANSACTION")
		}
	case "SAVEPOINT":
		s.set = append(s.set, savepoint{words.name(), writes})
		return true, nil
	case "RELEASE":
		words.skip("SAVEPOINT")
		if i := s.find(words.name()); i >= 0 {
			s.set = s.set[:i]
		}
	case "ROLLBACK":
		words.skip("WORK", "TRANSACTION")
		if !words.skip("TO") {
			return false, ends(verb)
		}
		words.skip("SAVEPOINT")
		name := words.name()
		i := s.find(name)
		if i < 0 { // the database says so
			return false, nil
		}
		if s.set[i].writes != writes {
			return false, fmt.Errorf("%w: ROLLBACK TO %s: it would undo what this library has written since: "+
				"set savepoints around statements of your own alone", entity.ErrInvalid, name)
		}
		s.set = s.set[:i+1]
	}
	return false, nil
}

func ends(verb string) error {
	return fmt.Errorf("%w: %s: beginning and ending a transaction is InTx's affair", entity.ErrInvalid, verb)
}

func (s *Savepoints) find(name string) int {
	for i, p := range slices.Backward(s.set) {
		if p.name == name {
			return i
		}
	}
	return -1
}

// words are the words of a statement that have not been looked at.
type words struct{ rest string }

func firstWords(statement string) *words { return &words{statement} }

// blank passes over what stands between words, comments too.
func (w *words) blank() {
	for {
		w.rest = strings.TrimLeft(w.rest, " \t\r\n\f;")
		switch {
		case strings.HasPrefix(w.rest, "--"):
			_, w.rest, _ = strings.Cut(w.rest, "\n")
		case strings.HasPrefix(w.rest, "/*"):
			_, w.rest, _ = strings.Cut(w.rest[2:], "*/")
		default:
			return
		}
	}
}

// next returns the next word in capitals.
func (w *words) next() string {
	w.blank()
	n := strings.IndexFunc(w.rest, func(r rune) bool { return strings.ContainsRune(" \t\r\n\f;(\"'-/", r) })
	if n < 0 {
		n = len(w.rest)
	}
	word := w.rest[:n]
	w.rest = w.rest[n:]
	return strings.ToUpper(word)
}

// skip passes over the next word if it is one of these, and reports whether it was.
func (w *words) skip(any ...string) bool {
	before := w.rest
	if slices.Contains(any, w.next()) {
		return true
	}
	w.rest = before
	return false
}

// name returns the next word as a database knows a name: in small letters, unless it is quoted.
func (w *words) name() string {
	w.blank()
	quoted, ok := strings.CutPrefix(w.rest, `"`)
	if !ok {
		return strings.ToLower(w.next())
	}
	var name strings.Builder
	for {
		part, rest, _ := strings.Cut(quoted, `"`)
		name.WriteString(part)
		if !strings.HasPrefix(rest, `"`) {
			return name.String()
		}
		name.WriteByte('"')
		quoted = rest[1:]
	}
}
