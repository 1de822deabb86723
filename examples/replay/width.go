package main

import (
	"strings"
	"unicode"
)

// fit makes a text of at most so many columns, on one line. What is cut off leaves an ellipsis; characters that a terminal
// would act on instead of showing become replacement characters.
func fit(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if columnsOf(s) <= most {
		return s
	}
	used := 1 // the ellipsis
	for i, r := range s {
		if used += runeColumns(r); used > most {
			return s[:i] + "…"
		}
	}
	return s
}

// columnsOf returns how many columns of a terminal a text takes.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns takes a character for two columns wide where some terminal does: a line may come out too short, never too
// long.
func runeColumns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi),
		r >= 0x3000 && r <= 0x303f, r >= 0xff01 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f000 && r <= 0x1faff:
		return 2
	}
	return 1
}
