package ari

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"c2d/core/call/calltest"
)

// archiveOf is the folder of recordings of every process of one behaviour.
func (w *ward) archiveOf(t *testing.T) string {
	if w.kept == "" {
		w.kept = t.TempDir()
	}
	return w.kept
}

// Recorded implements [calltest.Archive]: what the scripted Asterisk keeps for sound is who was heard.
func (w *ward) Recorded(t *testing.T, name string, left, right calltest.Phone) {
	t.Helper()
	var heard []string
	for end := time.After(time.Minute); ; { // of the bubble's time
		if file, err := os.ReadFile(filepath.Join(w.kept, name+".wav")); err == nil {
			heard = strings.Fields(strings.Trim(string(file[wavHeader:]), "\x00"))
			break
		}
		select {
		case <-time.After(time.Millisecond):
			continue
		case <-end:
		}
		t.Fatal("the recording is not here")
	}
	if len(heard) != 2 || !slices.Contains(heard, left.Address()) || !slices.Contains(heard, right.Address()) {
		t.Errorf("heard are %q, want %s and %s", heard, left.Address(), right.Address())
	}
}

// BreakRecordings implements [calltest.Archive].
func (w *ward) BreakRecordings(*testing.T) { w.asterisk.BreakRecordings() }
