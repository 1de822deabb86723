package sqlite

import (
	"iter"
	"slices"
)

// pages makes a listing of pages, which are read one at a time, so that no connection is held while the consumer works.
// next returns the page after a row, the first one after nil; one of less than pageSize is the last.
func pages[T any](next func(after *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			page, err := next(last)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// chunks makes a listing of what is read for a list of keys, listSize at a time, in the order of the keys.
func chunks[T any](keys []string, read func(keys []string) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for chunk := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(keys))), listSize) {
			part, err := read(chunk)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range part {
				if !yield(part[i], nil) {
					return
				}
			}
		}
	}
}

// fill makes the arguments of a statement that takes listSize keys, after those that come before.
func fill(before []any, keys []string) []any {
	args := make([]any, 0, len(before)+listSize)
	args = append(args, before...)
	for i := range listSize {
		args = append(args, keys[min(i, len(keys)-1)])
	}
	return args
}

// failing is a listing that only says what went wrong.
func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}
