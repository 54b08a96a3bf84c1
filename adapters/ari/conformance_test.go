package ari

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/ari/asterisktest"
	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/cable"
	"c2d/core/identity"
)

// TestConformance is the whole suite at a scripted Asterisk, in both dial forms. That of test/asterisk is at a real one.
func TestConformance(t *testing.T) {
	for _, form := range []struct{ name, to string }{
		{"Asterisk (fake)", "PJSIP/{number}"}, {"Asterisk (fake, dialplan)", "Local/{number}@from-internal/n"},
	} {
		calltest.Run(t, calltest.Suite{
			Backend: form.name,
			Can:     calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true, Lose: true, Outlives: true, Mixed: true},
			Open: func(t *testing.T) calltest.Harness {
				return &ward{asterisk: asterisktest.New(t), dial: []identity.Dial{{Match: ".*", To: form.to}}}
			},
			Around: synctest.Test,
		})
	}
}

// ward is a scripted Asterisk with its phones, which outlives our process, and the cable between the two.
type ward struct {
	asterisk *asterisktest.Asterisk
	dial     []identity.Dial
	cable    *cable.Cable
	kept     string // where recordings lie
}

func (*ward) Name() string { return "ward-pbx" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	b, err := New(Config{Name: w.Name(), Dial: w.dial}, Deps{Origin: identity.Origin{Installation: "suite", Node: "n1"}, Archive: w.archiveOf(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.cable = w.asterisk.Cable()
	b.api = client.New(w.asterisk.Client(w.cable))
	t.Cleanup(func() { // a process that was killed has not stopped
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (w *ward) Crash(*testing.T) { w.cable.Cut() }
func (w *ward) Lose()            { w.cable.Cut() }
func (w *ward) Restore()         { w.cable.Mend() }

func (w *ward) Phone(_ *testing.T, does calltest.Does) calltest.Phone { return w.asterisk.Phone(does) }
