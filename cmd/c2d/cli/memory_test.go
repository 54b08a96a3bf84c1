package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestCollectionsAreSpareHeapApart(t *testing.T) {
	for live, want := range map[uint64]int{0: 6400, 16 << 20: 400, 64 << 20: 100, 1 << 30: 100} {
		if got := percent(live); got != want {
			t.Errorf("with %d bytes alive: %d %%, want %d", live, got, want)
		}
	}
}

func TestCollectorIsSetAnew(t *testing.T) {
	t.Setenv("GOGC", "")
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	collectSeldom()
	debug.SetGCPercent(77)
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.GC()
		if now := debug.SetGCPercent(77); now != 77 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a collection changes nothing")
		}
	}
}
