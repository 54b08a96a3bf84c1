package call

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
)

func (b *board) Record(_ context.Context, leg, name string) error {
	_ = b.note("record " + leg + " " + name)
	return b.unable
}

func (b *board) StopRecord(_ context.Context, leg, name string) error {
	return b.note("stop " + leg + " " + name)
}

func (r *rig) record(on bool, name string) Call {
	r.t.Helper()
	c, _, err := r.Record(r.t.Context(), "c", RecordOrdered{On: on, ID: name, By: PlacedBy{KeyID: "k"},
		Audit: []audit.Entry{{Tenant: "main", Action: "call.record", Target: name, Result: "ok"}}})
	if err != nil {
		r.t.Fatal(err)
	}
	settle()
	return c
}

func (r *rig) get(id string) Call {
	r.t.Helper()
	c, err := r.store.Get(r.t.Context(), "main", id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// told returns one value of each event of a kind.
func (m *memory) told(k event.Kind, key string) string {
	var all []string
	for _, e := range m.events {
		if e.Kind == k {
			all = append(all, e.Data[key])
		}
	}
	return strings.Join(all, " ")
}

func (r *rig) recordings() string {
	c := r.get("c")
	var all []string
	for _, rec := range c.Recordings {
		all = append(all, rec.ID+" "+string(rec.State))
	}
	return strings.Join(all, ", ")
}

func (r *rig) tellRecording(k LegEventKind, name, why string) {
	c := r.get("c")
	r.board.sink.Leg(LegEvent{Leg: c.CallerLeg, Kind: k, Recording: name, Text: why})
	settle()
}

// A recording is stored with who ordered it before it is handed over; ordered twice it is one.
func TestRecordingIsKeptInTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := newRig(t, m, nil)
		a, b := r.talk("c")
		expect := func(want string) {
			t.Helper()
			if got := r.recordings(); got != want {
				t.Errorf("recordings %q, want %q", got, want)
			}
		}
		r.record(true, "one")
		expect("one starting")
		if c, done, err := r.Record(t.Context(), "c", RecordOrdered{On: true, ID: "two"}); err != nil || done || len(c.Recordings) != 1 {
			t.Error("ordered twice:", done, err, c.Recordings)
		}
		r.tellRecording(EvRecording, "one", "")
		r.tellRecording(EvRecording, "one", "")
		expect("one running")
		r.record(false, "")
		expect("one stopping")
		r.record(true, "two")
		r.tellRecording(EvRecorded, "one", "")
		r.tellRecording(EvRecordFail, "two", "disk full")
		r.tellRecording(EvRecorded, "two", "")
		r.tellRecording(EvRecorded, "three", "")
		expect("one ended, two failed")
		c := r.get("c")
		if one := c.Recordings[0]; one.Leg != a || one.OrderedBy.KeyID != "k" || one.OrderedAt.IsZero() || one.StartedAt.IsZero() || one.EndedAt.IsZero() {
			t.Errorf("%+v", one)
		}
		if c.Recordings[1].Why != "disk full" || c.State != Connected {
			t.Errorf("%+v", c)
		}
		for _, order := range []string{"record " + a + " one", "stop " + a + " one", "record " + a + " two"} {
			if !r.board.did(order) {
				t.Errorf("no %q in %v", order, r.board.orders)
			}
		}
		if got := m.told(event.CallRecording, "recording_state"); got != "running ended failed" {
			t.Errorf("events %q", got)
		}
		if len(m.audits) != 3 {
			t.Errorf("audit entries %+v, want 3", m.audits)
		}
		r.play(b, EvEnded)
		r.play(a, EvEnded)
		r.stop()
	})
}

// What ends the call ends what is recorded of it, told or not.
func TestRecordingEndsWithItsCall(t *testing.T) {
	for _, runs := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, newMemory(), nil)
			a, b := r.talk("c")
			r.record(true, "one")
			want := "one failed"
			if runs {
				r.tellRecording(EvRecording, "one", "")
				want = "one ended"
			}
			r.play(b, EvEnded)
			if got := r.recordings(); got != want {
				t.Errorf("runs %v: %q, want %q", runs, got, want)
			}
			r.play(a, EvEnded)
			r.stop()
		})
	}
}

func TestRecordingIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		order := func(id string, on bool) error {
			_, _, err := r.Record(t.Context(), id, RecordOrdered{On: on, ID: "x"})
			return err
		}
		if err := order("nobody", true); !fault.Is(err, fault.CodeNotFound) {
			t.Error("no such call:", err)
		}
		r.mustPlace("c")
		if err := order("c", true); !fault.Is(err, fault.CodeConflict) {
			t.Error("it rings:", err)
		}
		r.stop()
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		if _, done, err := r.Record(t.Context(), "c", RecordOrdered{}); done || err != nil {
			t.Error("nothing to stop:", done, err)
		}
		r.board.unable = errors.New("no port")
		r.record(true, "one")
		if got := r.recordings(); got != "one failed" || r.state("c") != Connected {
			t.Errorf("the backend refused: %q, the call is %s", got, r.state("c"))
		}
		r.board.unable = nil
		for i := range mostRecordings - 1 {
			name := strings.Repeat("x", i+1)
			r.record(true, name)
			r.record(false, "")
		}
		if _, _, err := r.Record(t.Context(), "c", RecordOrdered{On: true, ID: "y"}); !fault.Is(err, fault.CodeCongestion) {
			t.Error("too many:", err)
		}
		r.play(b, EvEnded)
		r.play(a, EvEnded)
		r.stop()
	})
}

// What cannot be stored is not recorded, and the two go on talking.
func TestRecordingThatCannotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := newRig(t, m, nil)
		a, b := r.talk("c")
		m.set(true)
		c, _, err := r.Record(t.Context(), "c", RecordOrdered{On: true, ID: "one"})
		if !fault.Is(err, fault.CodeStoreUnavailable) || c.State != Connected || r.board.did("record "+a+" one") {
			t.Errorf("%v, %+v, %v", err, c.Recordings, r.board.orders)
		}
		m.set(false)
		r.record(true, "two")
		if !r.board.did("record " + a + " two") {
			t.Errorf("%v", r.board.orders)
		}
		r.play(b, EvEnded)
		r.play(a, EvEnded)
		r.stop()
	})
}

// What was ordered and may not have been sent is ordered again by the next process; what runs goes on.
func TestRecordingsAfterARestart(t *testing.T) {
	c := Call{State: Connected, Recordings: []Recording{{ID: "a", Leg: "l", State: RecordEnded}, {ID: "b", Leg: "l", State: RecordStopping},
		{ID: "c", Leg: "l", State: RecordStarting}}}
	_, actions, changed := step(c, Restarted{}, t0)
	want := []Action{{Op: OpStopRecord, Leg: "l", Recording: "b"}, {Op: OpRecord, Leg: "l", Recording: "c"}}
	if changed || len(actions) != 2 || actions[0] != want[0] || actions[1] != want[1] {
		t.Errorf("%+v, want %+v", actions, want)
	}
}
