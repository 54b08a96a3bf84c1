package asterisk

import (
	"os"
	"path/filepath"
	"testing"

	"c2d/core/call/calltest"
	"c2d/core/tone"
	"c2d/test/pbx"
)

// archive is the folder of recordings of every process of one behaviour.
func (w *ward) archive(t *testing.T) string {
	if w.kept == "" {
		w.kept = filepath.Join(t.TempDir(), "kept")
	}
	return w.kept
}

// atEnd is how much of a recording's end has to hold both: a machine that is busy lets its phones pause.
const atEnd = 3 * tone.Rate

// Recorded implements [calltest.Archive]: both are heard near its end.
func (w *ward) Recorded(t *testing.T, name string, left, right calltest.Phone) {
	t.Helper()
	l, r := hz(left), hz(right)
	var pcm []int16
	pbx.Eventually(t, patience, "a recording is here", func() bool {
		pcm = w.read(t, name)
		return len(pcm) > 0
	})
	if end := pcm[max(0, len(pcm)-atEnd):]; !holds(end, l) || !holds(end, r) {
		t.Errorf("the recording, of %d samples, does not end with %v Hz and %v Hz", len(pcm), l, r)
	}
}

// holds reports whether pcm has a tone for a tenth of a second.
func holds(pcm []int16, hz float64) bool {
	const loud, window = 4000, tone.Rate / 10
	for ; len(pcm) >= window; pcm = pcm[window/2:] {
		if tone.Measure(pcm[:window], hz)[0].Amplitude > loud {
			return true
		}
	}
	return false
}

func hz(p calltest.Phone) float64 { return float64(p.(interface{ Tone() int }).Tone()) }

// read returns what a recording holds, nothing while it is not here.
func (w *ward) read(t *testing.T, name string) []int16 {
	t.Helper()
	pcm, err := pbx.ReadWAV(filepath.Join(w.kept, name+".wav"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return pcm
}

// BreakRecordings implements [calltest.Archive]: Asterisk's folder is gone.
func (w *ward) BreakRecordings(t *testing.T) {
	t.Helper()
	folder := w.asterisk.Recordings()
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(folder+"-away", folder); err != nil {
			t.Error(err)
		}
	})
}
