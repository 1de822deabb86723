package rediscache

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/slokeep/slokeep/cache"
)

// A token is numbers with dots in between: the key's own, which is its marker, and those of its prefixes, which are their
// generations. Each of them is incremented from where random let it begin.

// token returns the token of key i, as long as all of its numbers are there.
func (b *batch) token(i int) cache.Token {
	var t strings.Builder
	t.WriteString(b.texts[len(b.keys)+i])
	for _, at := range b.generations[i] {
		t.WriteByte('.')
		t.WriteString(b.texts[at])
	}
	return cache.Token(t.String())
}

// splitToken returns the numbers of a token, the generations as text and as what they are. All are empty where it is not a
// token of that key.
func splitToken(t cache.Token, key string) (marker string, texts []string, generations []uint64) {
	texts = strings.Split(string(t), ".")
	if len(texts) != 2+strings.Count(key, cache.Separator) {
		return "", nil, nil
	}
	for _, text := range texts {
		if !isNumber(text) {
			return "", nil, nil
		}
		generations = append(generations, number(text))
	}
	return texts[0], texts[1:], generations[1:]
}

// isNumber is what the scripts think of numbers, too.
func isNumber(text string) bool {
	if len(text) == 0 || len(text) > 19 {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// number returns the value of a text that isNumber, which fits.
func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// random returns a number that nobody has had, with room above it for all the times it will be incremented.
func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 2
}
