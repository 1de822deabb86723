package sqlite

import (
	"database/sql"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// changeArgs are the values of a change in the order of changeColumns, but for its Position.
func changeArgs(states *sqlstore.Encoder, c *entity.Change) ([]any, error) {
	fields, err := sqlstore.EncodeNames(c.Fields)
	if err != nil {
		return nil, err
	}
	next, err := states.Encode(c.Next) // first: it is what was published
	if err != nil {
		return nil, err
	}
	prev, err := states.Encode(c.Prev)
	if err != nil {
		return nil, err
	}
	return []any{c.At.UnixMicro(), c.Kind, c.ID, c.Version, fields, c.Actor.Type, c.Actor.ID, c.Actor.Name, prev, next}, nil
}

// scanChange reads changeColumns into c, and what follows into more.
func scanChange(rows *sql.Rows, c *entity.Change, more ...any) error {
	var at int64
	var fields, prev, next []byte
	into := [17]any{&c.Position, &at, &c.Kind, &c.ID, &c.Version, &fields, &c.Actor.Type, &c.Actor.ID, &c.Actor.Name, &prev, &next}
	const own = 11
	if err := rows.Scan(append(into[:own], more...)...); err != nil {
		return err
	}
	c.At, c.Prev, c.Next = sqlstore.Instant(at), sqlstore.Decode(prev), sqlstore.Decode(next)
	var err error
	c.Fields, err = sqlstore.DecodeNames(fields)
	return err
}
