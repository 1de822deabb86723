package sqlstore

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Migration is one file.
type Migration struct {
	Name   string
	Number int
	Script string
}

// Plan reads the migrations of one part, PART_NUMBER_WORDS.sql, by number, which go on from 1 without a gap.
func Plan(files fs.FS, part string) ([]Migration, error) {
	names, err := fs.Glob(files, part+"_*.sql")
	if err != nil {
		return nil, err
	}
	var plan []Migration
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, part+"_"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s: want number %d", name, i+1)
		}
		script, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		plan = append(plan, Migration{name, number, string(script)})
	}
	return plan, nil
}
