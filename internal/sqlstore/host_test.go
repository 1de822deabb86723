package sqlstore_test

import (
	"errors"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

func TestStatementsThatEndATransactionAreRefused(t *testing.T) {
	for statement, refused := range map[string]bool{
		"COMMIT": true, "commit;": true, " \n-- so\n/* it */ Commit": true, "END": true, "ABORT": true, "BEGIN": true,
		"START TRANSACTION": true, "ROLLBACK": true, "rollback work": true, "ROLLBACK; BEGIN": true, "PREPARE TRANSACTION 'a'": true,
		"ROLLBACK AND CHAIN": true, ";COMMIT": true,
		"": false, "--": false, "/*": false, "SELECT 1": false, "PREPARE x AS SELECT 1": false, "UPDATE a SET commit = 1": false,
		"COMMITS": false, "SAVEPOINT a": false, "RELEASE a": false, "ROLLBACK TO a": false, "ROLLBACK TRANSACTION TO SAVEPOINT a": false,
		`COMMENT ON TABLE a IS 'COMMIT'`: false, "é": false,
	} {
		var s sqlstore.Savepoints
		if _, err := s.Note(statement, 0); errors.Is(err, entity.ErrInvalid) != refused {
			t.Errorf("%q: %v", statement, err)
		}
	}
}

func TestARollbackToASavepointSparesWhatTheLibraryHasWritten(t *testing.T) {
	type step struct {
		statement string
		writes    int
		refused   bool
	}
	for name, steps := range map[string][]step{
		"nothing was written":       {{"SAVEPOINT a", 3, false}, {"ROLLBACK TO a", 3, false}},
		"something was":             {{"SAVEPOINT a", 3, false}, {"ROLLBACK TO a", 4, true}},
		"before the inner one":      {{"SAVEPOINT a", 3, false}, {"SAVEPOINT b", 4, false}, {"ROLLBACK TO b", 4, false}, {"rollback to savepoint A", 4, true}},
		"one that was released":     {{"SAVEPOINT a", 3, false}, {"RELEASE SAVEPOINT a", 4, false}, {"SAVEPOINT a", 4, false}, {"ROLLBACK TO a", 4, false}},
		"one name twice":            {{"SAVEPOINT a", 3, false}, {"SAVEPOINT a", 4, false}, {"ROLLBACK TO a", 4, false}, {"RELEASE a", 4, false}, {"ROLLBACK TO a", 4, true}},
		"the outer one ends both":   {{"SAVEPOINT a", 3, false}, {"SAVEPOINT b", 3, false}, {"ROLLBACK TO a", 3, false}, {"ROLLBACK TO b", 9, false}},
		"quoted":                    {{`SAVEPOINT "A ""b"`, 3, false}, {`ROLLBACK TO "A ""b"`, 4, true}},
		"quoted is another":         {{`SAVEPOINT "A"`, 3, false}, {`ROLLBACK TO A`, 4, false}},
		"one that was never set":    {{"ROLLBACK TO a", 4, false}},
		"a quote that does not end": {{`SAVEPOINT "`, 3, false}, {`ROLLBACK TO "`, 4, true}},
	} {
		var s sqlstore.Savepoints
		for _, step := range steps {
			if _, err := s.Note(step.statement, step.writes); errors.Is(err, entity.ErrInvalid) != step.refused {
				t.Errorf("%s: %s after %d writes: %v", name, step.statement, step.writes, err)
			}
		}
	}
}
