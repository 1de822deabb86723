package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// statement names one of the statements that a Log runs.
type statement int

// step is a statement that is to run. scan reads its rows; where it is nil there is nothing to read.
type step struct {
	statement statement
	args      []any
	scan      func(pgx.Rows) error
}

// ask is a step whose rows are read one by one.
func ask(s statement, each func(pgx.Rows) error, args ...any) step {
	return step{s, args, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := each(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}}
}

// do is a step without a result.
func do(s statement, args ...any) step { return step{statement: s, args: args} }

// reads reports whether a statement only reads.
func (s statement) reads() bool {
	return strings.HasPrefix(strings.TrimSpace(statementTexts[s].text), "SELECT")
}

// queue puts a step into a batch. Its errors say what failed.
func (l *Log) queue(batch *pgx.Batch, s step) {
	batch.Queue(l.texts[s.statement], s.args...).Query(func(rows pgx.Rows) error {
		var err error
		if s.scan != nil {
			err = s.scan(rows)
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
		return failed(statementTexts[s.statement].what, err)
	})
}

// run runs steps in one round trip: in the transaction of ctx where there is one; else those that write in one of their
// own, and others on a connection of the pool, where each sees what is committed.
func (l *Log) run(ctx context.Context, steps ...step) error {
	if t := l.transaction(ctx); t != nil {
		return t.send(ctx, steps...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if slices.ContainsFunc(steps, func(s step) bool { return !s.statement.reads() }) {
		return l.commit(ctx, steps)
	}
	conn, err := l.door.acquire(ctx)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer conn.release()
	batch := &pgx.Batch{}
	for _, s := range steps {
		l.queue(batch, s)
	}
	return failed("run statements", conn.SendBatch(ctx, batch).Close())
}

// commit runs steps in a transaction of their own. Without one the defaults of the database would hold for them.
func (l *Log) commit(ctx context.Context, steps []step) error {
	t, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer t.end()
	return t.commitLocked(ctx, steps...)
}

// query reads the rows of one statement.
func (l *Log) query(ctx context.Context, s statement, each func(pgx.Rows) error, args ...any) error {
	return l.run(ctx, ask(s, each, args...))
}

// textsFor makes the statements for one schema: in statementTexts, @ stands before a table.
func textsFor(schema string) (texts [len(statementTexts)]string) {
	prefix := pgx.Identifier{schema}.Sanitize() + "."
	for s := range statementTexts {
		texts[s] = strings.ReplaceAll(statementTexts[s].text, "@", prefix)
	}
	return texts
}
