package sip

import (
	"os"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

// shortTimers shortens the library's timers, which are one set for the process: T1 is 20 ms.
func shortTimers() { sip.SetTimers(20*time.Millisecond, 80*time.Millisecond, 100*time.Millisecond) }

func TestMain(m *testing.M) {
	shortTimers()
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
