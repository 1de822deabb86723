package main

import (
	"strings"
	"unicode"
)

// fit makes a text of at most so many columns, on one line. What is cut off leaves an ellipsis; characters that a
// terminal would act on instead of showing become replacement characters.
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

// wide are the characters that take two columns, and those that do so on some terminals: a line may come out too short,
// never too long.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x11ff, Stride: 1}, // Hangul letters
		{Lo: 0x2e80, Hi: 0xa4cf, Stride: 1}, // Chinese, Japanese and Yi, with their punctuation
		{Lo: 0xac00, Hi: 0xd7ff, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, // more Chinese
		{Lo: 0xff00, Hi: 0xffef, Stride: 1}, // fullwidth forms
	},
	R32: []unicode.Range32{
		{Lo: 0x1f000, Hi: 0x1ffff, Stride: 1}, // pictures
		{Lo: 0x20000, Hi: 0x3ffff, Stride: 1}, // the rest of Chinese
	},
}

func runeColumns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}
