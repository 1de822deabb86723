// Package cache reads through: what a program asks for is taken from where it was kept, else loaded, once for all who ask,
// and kept. Its invalidation is safe, also while a value is being loaded or stored, and also when many processes share what
// keeps it.
//
//	provider, err := cache.NewMemory[User](nil) // in this process; cache/redis shares one among processes
//	if err != nil {
//		return err
//	}
//	defer provider.Close()
//	users, err := cache.NewScope(provider, "users:", &cache.Options{TTL: time.Minute})
//	if err != nil {
//		return err
//	}
//	user, err := users.Get(ctx, id, func(ctx context.Context, id string) (User, error) {
//		return readUser(ctx, db, id) // cache.ErrNotFound where there is none
//	})
//
// and where a user is written, once that is committed:
//
//	err = users.Invalidate(ctx, id)
//
// # What holds
//
//  1. After Invalidate or InvalidatePrefix has returned, nothing that was loaded from before is stored, or given to a Get
//     that began after: whether the key was ever seen or not, also when the storing was under way, also for batches. Within
//     a process this costs no memory for a key that is at rest.
//  2. The same across processes, where the provider is [Fenced]. Where it is not, another process may be given what is kept
//     until its TTL is over.
//  3. One load of a key runs at a time, shared by those who ask for it alone and in batches; a key named twice in a batch is
//     loaded once. Only a load that was invalidated, or that nobody waits for any more, may still run beside the next; and,
//     while a fenced provider cannot be read, what a loader itself asks for.
//  4. A caller's context ends that caller's wait, and nobody else's. A load has a context of its own, which ends when nobody
//     waits any more. An invalidation is done even where its context has ended.
//  5. A loader that panics or calls runtime.Goexit gives an error to all who wait, and the next call loads again. (A Goexit
//     on the goroutine of a caller ends that one: see [Scope.Get].) Errors are not kept; that there is nothing can be, for
//     Options.NegativeTTL.
//  6. A provider that fails does not fail a read: the loader answers, and nothing is stored. An invalidation that fails is
//     an error for its caller.
//  7. A value that a codec does not give back as it was is not stored.
//
// A loader must read what was committed when it was called: one that reads from a replica that lags, or in a transaction
// that began before, loads what is old, and no cache can know.
//
// # Recursion
//
// A loader may call Get, of the same scope or of another, with the context that it was given. A Get of a key whose load
// waits for the caller's own load returns [ErrRecursive] at once, instead of waiting for ever.
//
// # What it is not
//
// It does not refresh ahead, and it does not give what is old while it loads anew: what it gives is never older than what
// was invalidated. There is no Set: what is kept comes from a loader, so that there is one way to the truth.
package cache
