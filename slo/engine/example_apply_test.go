package engine_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// Objectives are declared in a file, which is applied whenever it has changed.
func ExampleEngine_Apply() {
	ctx := context.Background()
	e, err := engine.New(memory.New(), nil)
	if err != nil {
		panic(err)
	}
	defer e.Close()
	for _, file := range []string{
		`[{"id": "api", "system": "api", "target": 99.9, "window": "30d"}, {"id": "web", "system": "web", "target": 99, "window": "7d"}]`,
		`[{"id": "api", "system": "api", "target": 99.95, "window": "30d"}]`,
	} {
		declared, err := engine.ReadObjectives(strings.NewReader(file))
		if err != nil {
			panic(err)
		}
		for _, dry := range []bool{true, false} {
			plan, err := e.Apply(ctx, declared, &engine.ApplyOptions{Delete: true, DryRun: dry})
			fmt.Println("create", plan.Create, "update", plan.Update, "delete", plan.Delete, err)
		}
	}
	// Output:
	// create [api web] update [] delete [] <nil>
	// create [api web] update [] delete [] <nil>
	// create [] update [api] delete [web] <nil>
	// create [] update [api] delete [web] <nil>
}
