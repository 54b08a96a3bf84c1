package call

import (
	"context"
	"errors"
	"slices"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

// RecordState is how far a recording has come.
type RecordState string

const (
	RecordStarting RecordState = "starting" // ordered
	RecordRunning  RecordState = "running"
	RecordStopping RecordState = "stopping" // its end is ordered
	RecordEnded    RecordState = "ended"
	RecordFailed   RecordState = "failed"
)

// Recording is one recording of what the two said. Its sound is with the backend, under its id; none of it is here.
type Recording struct {
	ID        string      `json:"id"`
	Leg       string      `json:"leg"` // whose phone is on the left
	State     RecordState `json:"state"`
	OrderedBy PlacedBy    `json:"ordered_by"`
	OrderedAt time.Time   `json:"ordered_at"`
	StartedAt time.Time   `json:"started_at,omitzero"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	Why       string      `json:"why,omitempty"` // it failed
}

// Goes reports whether it runs or is about to.
func (r *Recording) Goes() bool { return r.State == RecordStarting || r.State == RecordRunning }

// over reports whether nothing more comes of it.
func (r *Recording) over() bool { return r.State == RecordEnded || r.State == RecordFailed }

// Recorded reports whether what the two say is recorded, or is about to be.
func (c *Call) Recorded() bool {
	return slices.ContainsFunc(c.Recordings, func(r Recording) bool { return r.Goes() })
}

// recording returns the index of the recording of that id, below 0 without one.
func (c *Call) recording(id string) int {
	return slices.IndexFunc(c.Recordings, func(r Recording) bool { return r.ID == id })
}

// RecordOrdered begins or ends the recording of a connected call.
type RecordOrdered struct {
	On    bool
	ID    string // of the new recording
	By    PlacedBy
	Audit []audit.Entry // stored with the transition
}

// Record begins or ends the recording of a connected call: see [Recorder]. It returns the call once that is handed over;
// its record tells when it is so. done is false when there was nothing to do: then in.Audit is not stored.
// Errors: as Hold.
func (r *Runner) Record(ctx context.Context, id string, in RecordOrdered) (c Call, done bool, err error) {
	_, be, err := r.talking(ctx, id, CallerSide)
	if err != nil {
		return c, false, err
	}
	if _, ok := be.(Recorder); !ok || !be.Capabilities().Record {
		return c, false, unable("record")
	}
	switch c, err = r.now(ctx, id); {
	case err != nil || c.Recorded() == in.On:
		return c, false, err
	case len(c.Recordings) >= mostRecordings && in.On:
		return c, false, fault.New(fault.CodeCongestion, "this call was recorded too often")
	}
	c, err = r.ask(ctx, id, in)
	if i := c.recording(in.ID); err == nil && i >= 0 && c.Recordings[i].State == RecordFailed {
		err = fault.New(fault.CodeStoreUnavailable, "%s", c.Recordings[i].Why)
	}
	return c, true, err
}

// mostRecordings is how many a call can have, so that its record stays small.
const mostRecordings = 100

// record hands an order over.
func record(ctx context.Context, be Backend, a Action) error {
	r, ok := be.(Recorder)
	switch {
	case !ok:
		return unable("record")
	case a.Op == OpRecord:
		return r.Record(ctx, a.Leg, a.Recording)
	}
	return r.StopRecord(ctx, a.Leg, a.Recording)
}

// wordsOf are the words of a refusal that a user may see.
func wordsOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return "the phone system failed"
}

// recordOrdered begins a recording on the caller's leg, unless there is one, or ends the one that there is.
func (m *machine) recordOrdered(in RecordOrdered) {
	if m.c.State != Connected || m.c.Recorded() == in.On {
		return
	}
	m.changed = true
	if in.On {
		m.c.Recordings = append(m.c.Recordings, Recording{ID: in.ID, Leg: m.c.CallerLeg, State: RecordStarting, OrderedBy: in.By, OrderedAt: m.now})
		m.do(Action{Op: OpRecord, Leg: m.c.CallerLeg, Recording: in.ID})
		return
	}
	for i := range m.c.Recordings {
		if r := &m.c.Recordings[i]; r.Goes() {
			r.State = RecordStopping
			m.do(Action{Op: OpStopRecord, Leg: r.Leg, Recording: r.ID})
		}
	}
}

// recordAgain orders once more what a former process had ordered and may not have sent.
func (m *machine) recordAgain() {
	for _, r := range m.c.Recordings {
		switch r.State {
		case RecordStarting:
			m.do(Action{Op: OpRecord, Leg: r.Leg, Recording: r.ID})
		case RecordStopping:
			m.do(Action{Op: OpStopRecord, Leg: r.Leg, Recording: r.ID})
		}
	}
}

// recordTold is what a backend tells of a recording. One that is over stays so, but for news that it failed after all.
func (m *machine) recordTold(ev LegEvent) {
	i := m.c.recording(ev.Recording)
	if i < 0 {
		return
	}
	r := &m.c.Recordings[i]
	switch {
	case ev.Kind == EvRecording && r.State == RecordStarting:
		r.State, r.StartedAt = RecordRunning, m.now
	case ev.Kind == EvRecorded && !r.over():
		r.State, r.EndedAt = RecordEnded, m.now
	case ev.Kind == EvRecordFail && r.State != RecordFailed:
		r.State, r.Why, r.EndedAt = RecordFailed, ev.Text, m.now
	default:
		return
	}
	m.changed = true
}

// recordNever is for what was ordered and not handed over.
func (m *machine) recordNever(why string) {
	for i := range m.c.Recordings {
		if r := &m.c.Recordings[i]; r.State == RecordStarting {
			r.State, r.Why, r.EndedAt, m.changed = RecordFailed, why, m.now, true
		}
	}
}

// recordOver closes the recordings of a call that ends: they end with the joining, and who told of them may be gone.
func (m *machine) recordOver() {
	m.recordNever("the call ended first")
	for i := range m.c.Recordings {
		if r := &m.c.Recordings[i]; !r.over() {
			r.State, r.EndedAt, m.changed = RecordEnded, m.now, true
		}
	}
}
