package sip

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// torture reads one message of testdata/torture: what RFC 4475 describes, in our own words, under two lines that say where
// and with which statuses it may be answered; "none" is silence.
func torture(t *testing.T, file string, p *phone, n int) (message string, want []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(raw), "\n", 3)
	want = strings.Fields(strings.TrimPrefix(parts[1], "# want:"))
	if len(want) == 0 || !strings.HasPrefix(parts[0], "# RFC 4475 section ") {
		t.Fatalf("%s does not say what it is", file)
	}
	return strings.NewReplacer("{phone}", p.conn.LocalAddr().String(), "{branch}", newBranch(), "{id}", fmt.Sprint("torture", n)).Replace(parts[2]), want
}

// TestTorture sends the messages of RFC 4475 to the listener: each is answered as the RFC says, or dropped where the parser
// can make nothing of it; and whoever comes after it is served.
func TestTorture(t *testing.T) {
	h := newHouse(t).start()
	files, _ := filepath.Glob("testdata/torture/*.txt")
	if len(files) < 45 {
		t.Fatalf("%d messages", len(files))
	}
	for n, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			p := h.phone(fmt.Sprint("tester", n))
			message, want := torture(t, file, p, n)
			p.send(message)
			if got := p.outcome(n); !slices.Contains(want, got) {
				t.Errorf("answered with %s, want %v", got, want)
			}
		})
	}
}

// outcome returns the status that a message was answered with, "none" for silence: an OPTIONS sent after it, and its answer
// awaited, bounds the wait.
func (p *phone) outcome(n int) string {
	p.t.Helper()
	got, alive := "none", false
	p.callID = fmt.Sprint("alive", n)
	probe := p.calling("OPTIONS", "c2d", newBranch(), nil)
	p.send(probe)
	settled := time.After(100 * time.Millisecond)
	end := time.After(limit)
	for {
		select {
		case m := <-p.in:
			res, ok := m.(*sip.Response)
			switch {
			case !ok:
			case res.CallID() != nil && res.CallID().Value() == p.callID:
				alive = true
			case res.StatusCode >= 200 && got == "none":
				got = fmt.Sprint(res.StatusCode)
			}
		case <-settled:
			settled = nil
		case <-end:
			p.t.Fatal("the service does not answer any more")
		}
		if alive && (settled == nil || got != "none") {
			return got
		}
	}
}
