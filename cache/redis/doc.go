// Package rediscache is a [cache.Provider] on Redis, 6 or newer, or what speaks like it: many processes share what is
// kept, and an invalidation by one of them holds in all of them at once. It is named so as not to clash with go-redis, which
// calls itself redis.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"}) // github.com/redis/go-redis/v9; or one of a cluster
//	defer client.Close()
//	provider, err := rediscache.New[User](client, nil) // github.com/slokeep/slokeep/cache/redis
//	if err != nil {
//		return err
//	}
//	users, err := cache.NewScope(provider, "users:", &cache.Options{TTL: time.Minute})
//
// # What holds
//
//  1. What was loaded before an Invalidate or InvalidatePrefix returned, in whichever process, is neither stored after it
//     nor given to a Get that begins after it.
//  2. A server that is restarted empty, flushed, or short of memory forgets values, and never invalidations: whatever key it
//     drops by whatever policy, what was loaded from before stays out.
//  3. Every key on the server has an expiry, and what is needed for an entry to be found has it no earlier than the entry.
//     To invalidate what is not there leaves nothing behind. Nothing is scanned.
//  4. Hits are one round trip, for one key as for 3,000. A miss is three: to read, to make its token, to store; where the
//     token is still there it is two. An invalidation is one for each 500 keys, that of a prefix one in all.
//  5. What is not an entry as it was stored - torn, overwritten, one bit of it, copied from another key - is a miss, and
//     reported as [cache.ErrUnreadable]; the next load replaces it. What is not even a string, such as a list, is a miss
//     like others.
//  6. A value that its codec does not give back is not stored, and reported as [cache.ErrCodec].
//
// # What is on the server
//
// For a scope "users:" and its key "eu:42", after Options.Prefix:
//
//	{users:}v:eu:42    the entry, with the numbers of its prefixes when it was stored, and a checksum, also of this name
//	{users:}m:eu:42    the marker, a number of the key's own
//	{users:}p:         the generation of the whole scope, a number
//	{users:}p:eu:      and that of the prefix "eu:"
//
// A token is these numbers. A Delete increments the marker, in one step with the removal of the entry, a DeletePrefix the
// generation; a store is done only while the numbers are those of its token, and an entry counts only while its generations
// are those of now. A number that is missing is made by a miss, at random, and by nobody else. In braces { } and % are
// written %7B, %7D and %25.
//
// In a cluster all keys of a scope are in one slot, since what is one step must be at one place: spread what is too much for
// one node over several scopes. While a slot moves, the server may answer TRYAGAIN until it has moved: then what is asked
// for is loaded, and an invalidation fails.
//
// # What a host must know
//
// Reads must ask the primary. [New] refuses clients that it sees are set to do otherwise; it does not see
// redis.FailoverOptions.ReplicaOnly, nor what a proxy does. It refuses every redis.Ring: that asks another shard while one
// does not answer, and when the first is back, what it has from before has not heard of the invalidations meanwhile.
//
// A server that comes back with a state from before - a snapshot, a replica that lagged when it was promoted - has forgotten
// invalidations that it had confirmed, and what they removed is there again, until its TTL is over. Nothing on the server
// can know. A server without persistence and failover, which a cache needs neither of, cannot do that.
//
// How long a server that does not answer holds up a read is what the client says: its DialTimeout, DialerRetries,
// ReadTimeout and MaxRetries, with go-redis's defaults many seconds in all. While a server does not answer, the deadline of
// a ctx is heeded where ContextTimeoutEnabled is set; one that is cancelled is heeded between tries.
//
// A load may find its token gone at any time; then its value is not stored. The numbers that its miss made live for ten
// minutes from then. Those that it found live for what was left of their time, which nothing but a store prolongs.
//
// The user of the client needs the right to MGET, EVAL and EVALSHA, and in scripts to GET, SET, DEL, EXISTS, INCR, PTTL and
// PEXPIRE, on the keys with the prefix.
//
// # Concurrency
//
// A [Provider] is safe for concurrent use, and has neither goroutines nor a Close.
//
// # Errors
//
// Those of go-redis come wrapped. With them an invalidation may or may not have been done: it is repeated until there is
// none. Matched with errors.Is: [cache.ErrInvalid] of New; [cache.ErrUnreadable] of reads; [cache.ErrCodec] and
// [ErrTooLarge] of stores.
//
// # What it does not do
//
// It makes no connection and closes none. It does not compress, encrypt, or keep a second copy in the process.
package rediscache
