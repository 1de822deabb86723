// Package engine keeps service-level objectives for a host: tell it what happens, and ask it anything. It keeps facts on a
// [storage.Store], computes everything else from them, and makes every objective a reactive entity.
//
//	e, err := engine.New(memory.New(), nil)
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//	_, err = e.Ensure(ctx, slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)})
//	if err != nil {
//		return err
//	}
//	if err := e.Observe(ctx, slo.Down("checkout", time.Now())); err != nil {
//		return err
//	}
//	status, err := e.Status(ctx, "checkout-uptime")
//	fmt.Println(status.Budget.Remaining, err) // 43m12s, and less from now on
//
// # What a host tells it
//
// Facts: words of feeds ([Engine.Observe]), all that an incident, an import or a person has to say ([Engine.Restate]),
// corrections of the feed ([Engine.Correct]), what depends on what ([Engine.SetUpstreams]), planned maintenance
// ([Engine.SetMaintenance]) and names. Objectives are made one by one ([Engine.Create], [Engine.Ensure], [Engine.Update]) or
// declared as a whole ([Engine.Apply]). How systems are at this very moment it may ask the host ([HealthFunc]).
//
// # What a host gets
//
// Answers: [Engine.Status] and its like, and with [Engine.Timeline] whatever package slo can say of an objective. Entities,
// [Engine.Entities]: each objective is one of kind "slo", with a log of its transitions, changes to subscribe to, and
// conditions to watch and wait for: with nobody asking, those that time makes true fire at the very microsecond, and those
// that facts make true at the refresh after them. Records, once [Engine.Run] runs, or the host calls [Engine.RunDaily] and
// [Engine.Digest] itself: days, streaks, achievements and a weekly digest.
//
// # What holds
//
//  1. The same facts in any order, repeated, late, through any number of Engines, give the same answers and, after RunDaily,
//     the same days, streaks and achievements.
//  2. No question writes. A store that refuses writes serves every question.
//  3. Each call that writes is one transaction: all of it happens or nothing. Called in a transaction of the store, with its
//     context, it is part of that one. Jobs over everything are many, and may be run again; Delete first records what the
//     system has achieved.
//  4. An answer is computed when it is asked for, at the Engine's now, from all that was committed before the call began,
//     whoever wrote it. What is kept in process are timelines, beside the versions of what they were made of: the versions
//     are asked for first, each time.
//  5. A question about many objectives takes as many calls of the store as a question about one.
//  6. Writing a fact costs the same however many objectives depend on it. They are refreshed right after the commit, by one
//     process, page by page; a crash repeats some of that and loses nothing. [Engine.Settle] waits for it. Changes and
//     watches of kind "slo" see the states at refreshes: facts that came between two of them, in one Observe or in several,
//     or while a process that died was replaced (LeaseTTL, a Poll and a renewal), are one refresh, and what went down and
//     up again in it is no edge. Whatever was published is delivered, and budgets, downtime, days and achievements come
//     from all facts, whenever they are refreshed.
//  7. An event is told once the row that it is about is committed, at least once; an achievement and a week's digest make one
//     event each, ever.
//  8. Live health has a say in answers about now, and in nothing that is recorded or delivered; it can end what the feed says,
//     and never begin it. [Engine.Reconcile] records what it knows.
//
// # A store with a cache
//
// Of a store that is a [storage.HistoryCache] systems that nobody has written about since are read as one row each, not as
// all their facts, and no answer is another one. The refresher writes these rows with what it refreshes, as long as they are
// some 10 KB, a few hundred outages: the feed of a system may say something every few seconds, and each time all of its row
// is replaced. RunDaily and Digest write longer ones, once, where they had to read the facts. Questions write none.
//
// # A cache that processes share
//
// With Options.Cache, say of cache/redis, a system that one process has read is there for the others, under the version at
// which it was read. The store's version decides each time whether that one counts, so that no answer is older than without,
// whatever becomes of the cache; Options.Cache says what is to be done when a database comes back as it was before. While the
// cache is gone, all is read from the store. Nobody who writes waits for it. The jobs over everything leave it alone.
//
// # Concurrency, time and errors
//
// An Engine is safe for concurrent use. Instants are in UTC and whole microseconds; a fact may lie up to a minute ahead of the
// Engine's [Clock], since clocks differ, and counts when its time comes. Errors name the argument and its value, and match
// [ErrInvalid], [ErrConflict] or [ErrNotFound]; those of the store are wrapped, and a transaction that the store gave up
// matches [storage.ErrConflict] and may be tried again. The host's functions may panic: that is an error, too.
//
// # What it does not do
//
// It measures nothing and probes nothing: the host does. It sends no mail and no pages: it calls back.
package engine
