package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// changeRows are changes column by column, in the order of changeColumns.
type changeRows struct {
	ats                              []int64
	kinds, ids                       []string
	versions                         []int64
	fields                           []*string
	actorTypes, actorIDs, actorNames []string
	prevs, nexts                     []*string
}

func (r *changeRows) add(encoder *sqlstore.Encoder, c *entity.Change) error {
	fields, err := sqlstore.EncodeNames(c.Fields)
	if err != nil {
		return err
	}
	next, err := encoder.Encode(c.Next) // first: it is what was published
	if err != nil {
		return err
	}
	prev, err := encoder.Encode(c.Prev)
	if err != nil {
		return err
	}
	r.ats, r.kinds, r.ids, r.versions = append(r.ats, c.At.UnixMicro()), append(r.kinds, c.Kind), append(r.ids, c.ID), append(r.versions, c.Version)
	r.actorTypes, r.actorIDs, r.actorNames = append(r.actorTypes, c.Actor.Type), append(r.actorIDs, c.Actor.ID), append(r.actorNames, c.Actor.Name)
	r.fields, r.prevs, r.nexts = append(r.fields, fields), append(r.prevs, prev), append(r.nexts, next)
	return nil
}

func (r *changeRows) step() step {
	return do(putOutbox, r.ats, r.kinds, r.ids, r.versions, r.fields, r.actorTypes, r.actorIDs, r.actorNames, r.prevs, r.nexts)
}

// scanChange reads a Position and changeColumns into c, and what follows into more.
func scanChange(rows pgx.Rows, c *entity.Change, more ...any) error {
	var at int64
	var fields, prev, next []byte
	into := [17]any{&c.Position, &at, &c.Kind, &c.ID, &c.Version, &fields, &c.Actor.Type, &c.Actor.ID, &c.Actor.Name, &prev, &next}
	const own = 11
	if err := rows.Scan(append(into[:own], more...)...); err != nil {
		return err
	}
	var err error
	c.At, c.Prev, c.Next = sqlstore.Instant(at), sqlstore.Decode(prev), sqlstore.Decode(next)
	c.Fields, err = sqlstore.DecodeNames(fields)
	return err
}
