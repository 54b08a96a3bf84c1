package esl

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/client"
	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/cable"
	"c2d/core/identity"
)

// TestConformance is the whole suite at a scripted FreeSWITCH. That of test/freeswitch is at a real one.
func TestConformance(t *testing.T) {
	calltest.Run(t, calltest.Suite{
		Backend: "FreeSWITCH (fake)",
		Can:     calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true, Lose: true, Outlives: true, Twins: true, Refers: true},
		Open: func(t *testing.T) calltest.Harness {
			return &ward{freeswitch: freeswitchtest.New(t)}
		},
		Around: synctest.Test,
	})
}

// ward is a scripted FreeSWITCH with its phones, which outlives our process, and the cables between the two.
type ward struct {
	freeswitch *freeswitchtest.FreeSWITCH
	cable      *cable.Cable // to its event socket
	back       *cable.Cable // from its dialplan
}

func (*ward) Name() string { return "ward-pbx" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	b, err := New(Config{Name: w.Name(), Recordings: "/recordings", EveryPhone: true}, Deps{Origin: identity.Origin{Installation: "suite", Node: "n1"}, Country: "CN"})
	if err != nil {
		t.Fatal(err)
	}
	w.cable = w.freeswitch.Cable()
	b.to = w.freeswitch.Client(w.cable)
	door := cable.NewPort("c2d")
	b.door, w.back = client.NewDoor(door), door.Cable()
	w.freeswitch.HandTo(w.back)
	t.Cleanup(func() { // a process that was killed has not stopped
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (w *ward) Crash(*testing.T) { w.cable.Cut(); w.back.Cut() }
func (w *ward) Lose()            { w.cable.Cut() }
func (w *ward) Restore()         { w.cable.Mend() }

// Recorded implements [calltest.Archive].
func (w *ward) Recorded(t *testing.T, name string, left, right calltest.Phone) {
	t.Helper()
	for end := time.After(10 * time.Second); !w.freeswitch.Recorded("/recordings/"+name+".wav", left.Address(), right.Address()); {
		select {
		case <-time.After(time.Millisecond):
		case <-end:
			t.Fatalf("%s does not hold %s and %s", name, left.Address(), right.Address())
		}
	}
}

// BreakRecordings implements [calltest.Archive].
func (w *ward) BreakRecordings(*testing.T) { w.freeswitch.BreakRecordings() }

// Twin implements [calltest.Twins].
func (w *ward) Twin(_ *testing.T, of calltest.Phone, does calltest.Does) calltest.Phone {
	return w.freeswitch.Twin(of.Address(), does)
}

func (w *ward) Phone(_ *testing.T, does calltest.Does) calltest.Phone {
	return w.freeswitch.Phone(does)
}
