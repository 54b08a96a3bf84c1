package calltest

import (
	"slices"

	"c2d/core/call"
)

// records orders a recording of a call, or its end, and returns its name.
func (sc *scene) records(on bool) string {
	sc.t.Helper()
	c, done, err := sc.proc.Record(sc.t.Context(), sc.id, call.RecordOrdered{On: on, ID: "rec-" + sc.id, By: call.PlacedBy{KeyID: "k"}})
	if err != nil || !done {
		sc.t.Fatal("record:", done, err)
	}
	return c.Recordings[len(c.Recordings)-1].ID
}

// recording waits until the record tells that the last recording is in a state.
func (sc *scene) recording(is call.RecordState) {
	sc.t.Helper()
	sc.until("a recording is "+string(is), func() bool {
		all := sc.book.call(sc.id).Recordings
		return len(all) > 0 && all[len(all)-1].State == is
	})
}

func (s *stage) archive() Archive {
	s.t.Helper()
	a, ok := s.harness.(Archive)
	if !ok {
		s.t.Fatalf("%T shows no recordings, and its backend declares that it can", s.harness)
	}
	return a
}

// inRecord brings two phones to talk and be recorded.
func (s *stage) inRecord() (sc *scene, name string) {
	s.t.Helper()
	s.needs(s.up().wire.Capabilities().Record, "recording")
	sc = s.bring(call.Connected)
	sc.hearEachOther()
	name = sc.records(true)
	sc.recording(call.RecordRunning)
	sc.talk()
	return sc, name
}

// talk goes on for a while: what is heard once may be as short as a syllable, and FreeSWITCH begins to write a quarter of a second
// after it has said so.
func (sc *scene) talk() {
	sc.t.Helper()
	for range 12 {
		sc.hearEachOther()
	}
}

// holdsBoth fails unless the recording holds what both said.
func (sc *scene) holdsBoth(name string) {
	sc.t.Helper()
	if sc.can.Mixed {
		sc.coarse("who says what in a recording is not told apart")
	}
	if sc.can.Sound {
		sc.archive().Recorded(sc.t, name, sc.a, sc.b)
	}
}

func recorded(s *stage) {
	sc, name := s.inRecord()
	sc.records(false)
	sc.recording(call.RecordEnded)
	sc.holdsBoth(name)
	sc.goesOnAfterHold()
	if told := s.book.story(sc.id); !slices.Equal(told[len(told)-3:len(told)-1], []string{"recording running", "recording ended"}) {
		s.t.Errorf("%q", told)
	}
}

func recordedWhileHeld(s *stage) {
	s.canHold()
	sc, name := s.inRecord()
	sc.holds(true)
	sc.holds(false)
	sc.talk()
	sc.recording(call.RecordRunning)
	sc.goesOnAfterHold()
	sc.recording(call.RecordEnded)
	sc.holdsBoth(name)
}

func recordedThenOver(s *stage) {
	for _, callee := range []bool{true, false} {
		sc, name := s.inRecord()
		p, end := sc.a, "ended completed caller caller"
		if callee {
			p, end = sc.b, "ended completed callee callee"
		}
		p.PutDown(s.t)
		s.in(sc.id, call.Ended)
		sc.recording(call.RecordEnded)
		if told := s.book.story(sc.id); told[len(told)-1] != end {
			s.t.Errorf("%q", told)
		}
		s.idle(sc.a, sc.b)
		sc.holdsBoth(name)
	}
}

// recordingFails: the two go on talking, and the record says so.
func recordingFails(s *stage) {
	s.needs(s.up().wire.Capabilities().Record, "recording")
	sc := s.bring(call.Connected)
	sc.hearEachOther()
	s.archive().BreakRecordings(s.t)
	sc.records(true)
	sc.recording(call.RecordFailed)
	if all := s.book.call(sc.id).Recordings; all[0].Why == "" {
		s.t.Errorf("the record does not say why: %+v", all[0])
	}
	sc.goesOnAfterHold()
}

// restartWhileRecorded: what they say after the restart is recorded too, and the recording can be ended.
func restartWhileRecorded(s *stage) {
	sc, name := s.inRecord()
	s.crash()
	s.up()
	sc.talk()
	sc.recording(call.RecordRunning)
	sc.records(false)
	sc.recording(call.RecordEnded)
	sc.holdsBoth(name)
	sc.goesOnAfterHold()
}

// recordedThenTransferred: who was not asked is not recorded.
func recordedThenTransferred(s *stage) {
	s.canTransfer()
	sc, name := s.inRecord()
	third := s.phone(Rings)
	next := sc.transfers(third)
	s.in(sc.id, call.Ended)
	sc.recording(call.RecordEnded)
	s.ringing(next, call.CalleeSide, 1)
	third.Lift(s.t)
	s.in(next, call.Connected)
	if c := s.book.call(next); c.Recorded() || len(c.Recordings) > 0 {
		s.t.Errorf("the call that follows: %+v", c.Recordings)
	}
	sc.b.PutDown(s.t)
	s.in(next, call.Ended)
	s.idle(sc.a, sc.b, third)
	sc.holdsBoth(name)
}
