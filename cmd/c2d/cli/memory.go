package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// spareHeap is how much may be allocated between two collections, if what lives is less. A service at work has few MB that
// live; collecting each time these have doubled would be a tenth of what calls cost.
const spareHeap = 64 << 20

// collectSeldom sets the garbage collector so, after each collection anew, unless GOGC says what the operator wants.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		adapt(&collected{})
	}
}

// collected is garbage at once: its finalizer runs after each collection. Its pointer keeps it out of blocks that it would
// share with others.
type collected struct{ _ *collected }

func adapt(c *collected) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(percent(live[0].Value.Uint64()))
	runtime.SetFinalizer(c, adapt)
}

func percent(live uint64) int { return int(max(100, 100*spareHeap/max(live, 1<<20))) }
