package sqlite

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/internal/sqlstore"
)

// chunks makes a listing of what is read for a list of keys, listSize at a time, in the order of the keys.
func chunks[T any](keys []string, read func(keys []string) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for chunk := range slices.Chunk(sqlstore.Distinct(keys), listSize) {
			for row, err := range sqlstore.Listing(func() ([]T, error) { return read(chunk) }) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// portions makes a listing of what belongs to each of many keys, without having more than portionSize rows at a time. read
// returns those of some keys, in their order, but no more than that; page those of one key that has many, as
// sqlstore.Pages wants them.
func portions[K, T any](
	keys []K, read func(keys []K) ([]T, error), page func(key K, after *T) ([]T, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left, n := keys, 16
		for len(left) > 0 {
			n = min(n, len(left))
			rows, err := read(left[:n])
			if err != nil {
				sqlstore.Failing[T](err)(yield)
				return
			}
			if len(rows) == portionSize && n > 1 { // there may be more
				n = (n + 3) / 4
				continue
			}
			list := listed(rows)
			if len(rows) == portionSize {
				key := left[0]
				list = sqlstore.Pages(portionSize, func(after *T) ([]T, error) { return page(key, after) })
			}
			for row, err := range list {
				if !yield(row, err) || err != nil {
					return
				}
			}
			if left = left[n:]; len(rows) < portionSize/4 {
				n *= 2
			}
		}
	}
}

// listed is a listing of what is there already.
func listed[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range rows {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}

// jsonList makes the argument of a statement that takes a list.
func jsonList(list any) (string, error) {
	text, err := json.Marshal(list)
	return string(text), err
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
