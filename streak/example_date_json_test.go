package streak_test

import (
	"encoding/json"
	"fmt"

	"github.com/slokeep/slokeep/streak"
)

// In JSON the zero Date, which is no day, is null.
func ExampleDate_MarshalJSON() {
	data, err := json.Marshal(streak.Streak{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(data))
	// Output:
	// {"current":0,"best":0,"start":null,"lastMet":null,"bestEnd":null,"lastDay":null}
}
