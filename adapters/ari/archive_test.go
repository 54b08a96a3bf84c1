package ari

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
)

// A file appears when it is whole, for its owner's eyes only, and its header tells its length: that of an Asterisk that was killed
// tells none.
func TestArchive(t *testing.T) {
	a := archive(filepath.Join(t.TempDir(), "kept"))
	if err := errors.Join(a.make(), a.reserve("one")); err != nil {
		t.Fatal(err)
	}
	wav := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"), make([]byte, 320)...)
	if err := a.store("one", func(w io.Writer) error { _, err := w.Write(wav); return err }); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(a.path("one"))
	if err != nil || len(got) != len(wav) || binary.LittleEndian.Uint32(got[4:]) != 356 || binary.LittleEndian.Uint32(got[40:]) != 320 {
		t.Errorf("%d bytes, %v: % x", len(got), err, got[:min(len(got), wavHeader)])
	}
	for path, mode := range map[string]os.FileMode{a.path("one"): 0o600, string(a): os.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// What cannot be fetched or stored leaves nothing, and names lead nowhere else.
func TestArchiveRefuses(t *testing.T) {
	a := archive(t.TempDir())
	broken := errors.New("broken")
	if err := a.store("one", func(w io.Writer) error { _, _ = w.Write([]byte("half")); return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if left, err := os.ReadDir(string(a)); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
	for _, name := range []string{"", "../one", "a/b", "a.wav", "a_b", strings.Repeat("a", 129)} {
		if err := a.reserve(name); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := os.RemoveAll(string(a)); err != nil {
		t.Fatal(err)
	}
	if err := a.reserve("one"); err == nil || wordsOf(err) != "the file cannot be written" {
		t.Error(err)
	}
}

// A leg that waits outside comes back alone: were both to enter, nobody would be inside for a moment, and a recording ends then.
func TestResumeKeepsSomebodyInside(t *testing.T) {
	var entered []string
	d := newDesk()
	b, told := connected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/addChannel") {
			entered = append(entered, r.URL.Query().Get("channel"))
		}
		d.ServeHTTP(w, r)
	}))
	x, _ := two(t, b, told)
	entered = nil
	for _, on := range []bool{true, false} {
		if err := b.Hold(t.Context(), x.id, on); err != nil {
			t.Fatal(err)
		}
		told.next(t)
	}
	if !slices.Equal(entered, []string{x.channel}) {
		t.Errorf("entered: %q", entered)
	}
}

// What the next process is told of a recording, it goes on with.
func TestRecordIsTakenUp(t *testing.T) {
	b, _ := connected(t, http.NotFoundHandler())
	b.archive = archive(t.TempDir())
	x, y := b.origin.LegID(), b.origin.LegID()
	l := &leg{id: x, channel: x, holds: true, record: &record{leg: x, name: "one", muted: true}}
	b.takeUp(call.OpenLeg{Leg: x, State: call.LegAnswered, JoinedTo: y, Resume: l.resume()})
	b.takeUp(call.OpenLeg{Leg: y, State: call.LegAnswered, JoinedTo: x})
	r := b.recordIn(bridgeOf(x, y))
	if r == nil || r.name != "one" || !r.began || !r.muted || r.beeps || !b.phonesWait(r.bridge) {
		t.Fatalf("%+v", r)
	}
	if leg, name, ok := b.ofFile(r.file()); !ok || leg != x || name != "one" {
		t.Errorf("%s is of %s, %s", r.file(), leg, name)
	}
}
