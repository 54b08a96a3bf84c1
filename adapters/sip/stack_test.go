package sip

import (
	"fmt"
	"runtime"
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
)

// TestNoGoroutineBelongsToADirectCall counts them: what remains is a timer of each transaction, which needs none.
func TestNoGoroutineBelongsToADirectCall(t *testing.T) {
	h := newHouse(t).start()
	var phones []*phone
	for i := range 10 {
		phones = append(phones, h.phone(fmt.Sprint("phone", i)))
	}
	before := runtime.NumGoroutine()
	for i := 0; i < len(phones); i += 2 {
		h.directAs(phones[i], phones[i+1], fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	h.eventually("only the goroutines from before are left", func() bool { return runtime.NumGoroutine() <= before })
	infos, _ := h.stack.Snapshot(t.Context())
	if len(infos) != len(phones) {
		t.Errorf("%d legs", len(infos))
	}
}

func TestSeveralSockets(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Listen = []string{"udp:127.0.0.2:0", "udp:127.0.0.1:0"} }).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	if inv := p.invited(); inv.Via().Host != "127.0.0.1" || inv.Contact().Address.Host != "127.0.0.1" {
		t.Errorf("to a phone on 127.0.0.1 we are %s", inv.Via().Host)
	}
}

func TestListenSaysWhatIsTaken(t *testing.T) {
	h := newHouse(t).start()
	cfg := h.stack.cfg
	cfg.Listen = []string{"udp:127.0.0.1:0", "udp:" + h.stack.Addr().String()}
	other, err := New(cfg, Deps{})
	h.do(err)
	faultIs(t, other.Listen(), fault.CodeBackendUnavailable)
	faultIs(t, other.Start(t.Context(), h.sink, nil), fault.CodeBackendUnavailable)
	h.do(other.Stop(t.Context()))
}

func TestOtherBackendsWays(t *testing.T) {
	h := newHouse(t).start()
	_, err := h.stack.Locate(t.Context(), call.Way{Backend: "ims", Address: "+8610"})
	faultIs(t, err, fault.CodeNoRoute)
	ways, err := h.stack.Locate(t.Context(), call.Way{Backend: "house", Address: "sip:offline@hospital.example"})
	if err != nil || len(ways) != 0 {
		t.Errorf("offline: %v, %v", ways, err)
	}
	_, err = h.stack.Prepare(t.Context(), call.Originate{Leg: "leg", Way: call.Way{Backend: "house", Address: "sip:x@y", Contact: "rubbish"}})
	faultIs(t, err, fault.CodeInvalid)
	faultIs(t, h.stack.Originate(t.Context(), call.Originate{Leg: "leg"}, []byte("{}")), fault.CodeInvalid)
}
