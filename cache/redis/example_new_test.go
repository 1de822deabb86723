package rediscache_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
)

// Two processes share what is kept on one server: what one of them writes and invalidates, the other reads anew.
func ExampleNew() {
	server, err := miniredis.Run() // stands in for a Redis
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	type User struct{ Name string }
	open := func() *cache.Scope[User] { // what each process does
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		provider, err := rediscache.New[User](client, nil)
		if err != nil {
			panic(err)
		}
		users, err := cache.NewScope(provider, "users:", &cache.Options{TTL: time.Minute})
		if err != nil {
			panic(err)
		}
		return users
	}
	database := map[string]User{"7": {"Ada"}}
	read := func(_ context.Context, id string) (User, error) {
		fmt.Println("read", id)
		return database[id], nil
	}

	ctx := context.Background()
	here, there := open(), open()
	fmt.Println(here.Get(ctx, "7", read))
	fmt.Println(there.Get(ctx, "7", read))

	database["7"] = User{"Grace"} // committed there
	if err := there.Invalidate(ctx, "7"); err != nil {
		fmt.Println(err) // the server could not be reached: try again
	}
	fmt.Println(here.Get(ctx, "7", read))
	// Output:
	// read 7
	// {Ada} <nil>
	// {Ada} <nil>
	// read 7
	// {Grace} <nil>
}
