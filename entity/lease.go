package entity

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// lease takes, renews and gives up leases, so that each job has one process, and each group's shards are spread over its
// members. It reports whether it holds all that it wants.
func (reg *Registry) lease(ctx context.Context) (complete bool, err error) {
	p := &reg.pump
	inForce := map[string]string{} // holders, by lease
	if reg.shared {
		for l, err := range reg.log.Leases(ctx, "") {
			if err != nil {
				return false, fmt.Errorf("entity: leases: %w", err)
			}
			inForce[l.Name] = l.Holder
		}
	}
	shards, members := reg.wantedShards(inForce)
	wanted := append([]string{LeaseRelay, LeaseTimers}, members...)
	for name := range shards {
		wanted = append(wanted, name)
	}
	slices.Sort(wanted)
	for name, holder := range inForce {
		if holder != reg.holder {
			delete(p.held, name)
		}
	}
	reg.endLanes(shards)
	if err := reg.surrender(ctx, wanted); err != nil {
		return false, err
	}
	renew := reg.shared && time.Since(p.renewed) >= reg.ttl/3
	var ask []string
	for _, name := range wanted {
		_, held := p.held[name]
		if other, taken := inForce[name]; !held && (!taken || other == reg.holder) {
			ask = append(ask, name)
		}
	}
	if renew {
		ask = slices.AppendSeq(ask, maps.Keys(p.held)) // also those whose last call still runs
		slices.Sort(ask)
	}
	if len(ask) > 0 {
		if err := reg.take(ctx, ask, renew); err != nil {
			return false, err
		}
	}
	reg.timers.hold(p.held[LeaseTimers])
	if err := reg.runShards(ctx, shards); err != nil {
		return false, err
	}
	return !slices.ContainsFunc(wanted, func(name string) bool { _, held := p.held[name]; return !held }), nil
}

// take asks for leases, those that are held already among them where they are renewed.
func (reg *Registry) take(ctx context.Context, names []string, renew bool) error {
	p := &reg.pump
	ttl, at := reg.ttl, time.Now()
	if !reg.shared {
		ttl = unshared
	}
	tokens, err := reg.log.Lease(ctx, names, reg.holder, ttl)
	if err != nil {
		return fmt.Errorf("entity: lease: %w", err)
	}
	for _, t := range tokens {
		delete(p.held, t.Name)
		if t.Number > 0 {
			p.held[t.Name] = t
		}
	}
	if renew {
		p.renewed = at
	}
	return nil
}

// surrender gives up the leases that are no longer wanted, but for those whose work has not ended.
func (reg *Registry) surrender(ctx context.Context, wanted []string) error {
	var up []string
	reg.mu.Lock()
	for name := range reg.pump.held {
		if _, ok := slices.BinarySearch(wanted, name); !ok && reg.lanes[name] == nil {
			up = append(up, name)
		}
	}
	reg.mu.Unlock()
	if len(up) == 0 {
		return nil
	}
	slices.Sort(up)
	if _, err := reg.log.Lease(ctx, up, reg.holder, 0); err != nil {
		return fmt.Errorf("entity: give up leases: %w", err)
	}
	for _, name := range up {
		delete(reg.pump.held, name)
	}
	if reg.bus != nil && reg.shared {
		return reg.bus.Wake(ctx)
	}
	return nil
}

// giveUp gives up all leases, so that another process need not wait until they run out.
func (reg *Registry) giveUp() error {
	var names []string
	for name := range reg.pump.held {
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	ctx, cancel := context.WithTimeout(context.Background(), lazily)
	defer cancel()
	if _, err := reg.log.Lease(ctx, names, reg.holder, 0); err != nil {
		return fmt.Errorf("entity: give up leases: %w", err)
	}
	if reg.shared && reg.bus != nil {
		return reg.bus.Wake(ctx)
	}
	return nil
}

// heldShard is a shard of a group that this process wants.
type heldShard struct {
	run   *groupRun
	shard int
}

func memberPrefix(g Group) string { return fmt.Sprintf("member %q %q ", g.Name, g.Source) }

func leaseOfShard(g Group, shard int) string {
	return fmt.Sprintf("group %q %q %d", g.Name, g.Source, shard)
}

// wantedShards says which shards of its groups this process should hold, by lease, and which leases make it a member. Of
// all members each shard prefers one: the one that hashes highest with it, so that few shards move when members come and
// go.
func (reg *Registry) wantedShards(inForce map[string]string) (shards map[string]heldShard, members []string) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	shards = map[string]heldShard{}
	for key, g := range reg.groups {
		prefix := memberPrefix(key)
		rivals := []string{reg.holder}
		for name, holder := range inForce {
			if strings.HasPrefix(name, prefix) && holder != reg.holder {
				rivals = append(rivals, holder)
			}
		}
		for shard := range Shards {
			if best(rivals, shard) == reg.holder {
				shards[leaseOfShard(key, shard)] = heldShard{g, shard}
			}
		}
		if reg.shared {
			members = append(members, prefix+reg.holder)
		}
	}
	return shards, members
}

func best(holders []string, shard int) string {
	var winner string
	most := uint64(0)
	for _, holder := range holders {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s %d", holder, shard)
		weight := h.Sum64()
		weight = (weight ^ weight>>31) * 0x9E3779B97F4A7C15
		if weight > most || weight == most && holder > winner {
			winner, most = holder, weight
		}
	}
	return winner
}

// endLanes halts the lanes of shards that are no longer this process's to do, and forgets those that have gone. The pump
// is poked when one has gone later, since that may take as long as a handler runs.
func (reg *Registry) endLanes(shards map[string]heldShard) {
	p := &reg.pump
	reg.mu.Lock()
	defer reg.mu.Unlock()
	for name, l := range reg.lanes {
		if _, wanted := shards[name]; wanted && l.keeper.token == p.held[name] && !l.halted() {
			continue
		}
		l.halt()
		select {
		case <-l.gone:
		default:
			continue
		}
		delete(reg.lanes, name)
		if l.lost && l.keeper.token == p.held[name] {
			delete(p.held, name) // so that it is asked for again
		}
	}
}

// runShards starts the lanes of shards whose leases are held.
func (reg *Registry) runShards(ctx context.Context, shards map[string]heldShard) error {
	reg.endLanes(shards)
	for name, s := range shards {
		reg.mu.Lock()
		runs := reg.lanes[name] != nil
		reg.mu.Unlock()
		if token, held := reg.pump.held[name]; held && !runs {
			if err := s.run.run(ctx, s.shard, token); err != nil {
				return err
			}
		}
	}
	return nil
}
