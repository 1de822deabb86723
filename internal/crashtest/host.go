package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// Kinds of the host's own: an entity, which is a record too, and what has been handled of it and of the engine's.
const (
	kindAccount = "account"
	kindHandled = "handled" // kind and ID of the entity, version
	kindFault   = "fault"   // what a handler has found wrong
	group       = "crashtest"
	actor       = "operation"
)

// account is the state of the host's entities.
type account struct {
	N  int64  `json:"n"`  // how often it was counted up since it was made
	By string `json:"by"` // the operation that did it last
}

// host is what a process has: an engine on a store, accounts beside it, and a group that handles what changes.
type host struct {
	*engine.Engine
	store    storage.Store
	table    HostTable // nil: none, or it is not written
	accounts *entity.Handle[account]
}

// join makes a host and starts it. logger hears of what goes wrong in the background.
func join(ctx context.Context, store storage.Store, c engine.Clock, ttl time.Duration, logger *slog.Logger) (*host, error) {
	e, err := engine.New(store, &engine.Options{
		Clock: c, Logger: logger, Poll: 20 * time.Millisecond, LeaseTTL: ttl, KeepChanges: -1,
	})
	if err != nil {
		return nil, err
	}
	h := &host{Engine: e, store: store}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return h, nil
}

func (h *host) start(ctx context.Context) error {
	reg := h.Entities()
	var err error
	if h.accounts, err = entity.Define(reg, kindAccount, h.readAccounts, nil); err != nil {
		return err
	}
	opts := &entity.SubscribeOptions{Group: group, From: entity.Oldest, Parallel: 2, Backoff: 10 * time.Millisecond}
	_, err = h.accounts.OnChange(func(ctx context.Context, c entity.Typed[account]) error {
		return h.handled(ctx, c.Kind, c.ID, c.Version)
	}, opts)
	if err != nil {
		return err
	}
	_, err = h.SLOs().OnChange(func(ctx context.Context, c entity.Typed[engine.SLOState]) error {
		return h.handled(ctx, c.Kind, c.ID, c.Version)
	}, opts)
	if err != nil {
		return err
	}
	_, err = h.OnAchievement(func(ctx context.Context, a streak.Achievement) error { return h.note(ctx, achieved(a)) }, opts)
	if err != nil {
		return err
	}
	_, err = h.OnDigest(func(ctx context.Context, d engine.Digest) error { return h.note(ctx, digested(d.Week)) }, opts)
	if err != nil {
		return err
	}
	return reg.Start(ctx)
}

func versioned(kind, id string, version int64) storage.Key {
	return storage.Key{Kind: kindHandled, ID: kind + " " + id, Sub: fmt.Sprintf("%012d", version)}
}

func achieved(a streak.Achievement) storage.Key {
	return storage.Key{Kind: kindHandled, ID: "achievement " + a.SystemID, Sub: string(a.Type)}
}

func digested(week string) storage.Key {
	return storage.Key{Kind: kindHandled, ID: "digest", Sub: week}
}

// handled writes down that a change was handled, and whether it came before the one that it follows.
func (h *host) handled(ctx context.Context, kind, id string, version int64) error {
	if version > 1 {
		found, err := collect(h.store.Get(ctx, []storage.Key{versioned(kind, id, version-1)}))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			fault := storage.Key{Kind: kindFault, ID: fmt.Sprintf("%s %s: version %d was handled before version %d", kind, id, version, version-1)}
			if err := h.store.Put(ctx, []storage.Record{{Key: fault}}); err != nil {
				return err
			}
		}
	}
	return h.note(ctx, versioned(kind, id, version))
}

func (h *host) note(ctx context.Context, key storage.Key) error {
	return h.store.Put(ctx, []storage.Record{{Key: key}})
}

func accountKey(id string) storage.Key { return storage.Key{Kind: kindAccount, ID: id} }

func (h *host) readAccounts(ctx context.Context, ids []string, found func(string, account)) error {
	keys := make([]storage.Key, len(ids))
	for i, id := range ids {
		keys[i] = accountKey(id)
	}
	for r, err := range h.store.Get(ctx, keys) {
		if err != nil {
			return err
		}
		var a account
		if err := json.Unmarshal(r.Data, &a); err != nil {
			return err
		}
		found(r.ID, a)
	}
	return nil
}

// count is the host's own write.
func (h *host) count(o *op) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var a account
		there := false
		if err := h.readAccounts(ctx, []string{o.Account}, func(_ string, was account) { a, there = was, true }); err != nil {
			return err
		}
		if h.table != nil {
			if err := h.table.CountUp(ctx, o.Account); err != nil {
				return err
			}
		}
		if there && o.Do == removes {
			return h.store.Delete(ctx, []storage.Key{accountKey(o.Account)})
		}
		a.N, a.By = a.N+1, o.ID
		data, err := json.Marshal(a)
		if err != nil {
			return err
		}
		return h.store.Put(ctx, []storage.Record{{Key: accountKey(o.Account), Data: data}})
	}
}

func (h *host) mutate(ctx context.Context, o *op) (version int64, err error) {
	c, err := h.accounts.Mutate(ctx, o.Account, h.count(o), &entity.MutateOptions{Actor: entity.Actor{Type: actor, ID: o.ID}})
	return c.Version, err
}

// do does an operation, and returns the version of the account that it has made, if any.
func (h *host) do(ctx context.Context, o *op) (version int64, err error) {
	switch o.Do {
	case tells, repeated:
		return 0, o.tell(ctx, h.Engine)
	case mutates, removes:
		return h.mutate(ctx, o)
	case both, resets:
		err = h.store.InTx(ctx, func(ctx context.Context) error {
			if version, err = h.mutate(ctx, o); err != nil {
				return err
			}
			if o.Do == resets {
				if err := h.DeleteSystem(ctx, o.Own); err != nil {
					return err
				}
				if _, err := h.Create(ctx, later(o)); err != nil {
					return err
				}
			}
			return o.tell(ctx, h.Engine)
		})
		return version, err
	case creates:
		_, err = h.Create(ctx, later(o))
	case deletes:
		err = h.Delete(ctx, o.Objective)
	case daily:
		err = h.RunDaily(ctx, o.At)
	case digests:
		_, err = h.Digest(ctx, o.At)
	default:
		err = fmt.Errorf("crashtest: no such operation: %q", o.Do)
	}
	return 0, err
}

// collect takes a listing as a whole.
func collect[T any](listing iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range listing {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
