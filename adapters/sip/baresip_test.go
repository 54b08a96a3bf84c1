package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/handset"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/tone"
	"c2d/test/pbx"
)

// realPhones runs the suite with telephones that others wrote: baresip wherever somebody lifts or hears, sipp for what
// baresip does not do. The timers are those of RFC 3261, as they have no others.
func realPhones(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute: run without -short")
	}
	peers := []string{pbx.Version(t, "baresip"), pbx.Version(t, "sipp"), library(t)}
	sip.SetTimers(500*time.Millisecond, 4*time.Second, 5*time.Second)
	calltest.Run(t, calltest.Suite{
		Backend: "native SIP, real phones",
		Peers:   peers,
		Can: calltest.Abilities{
			Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true,
			Coarse: map[call.Reason]call.Reason{call.Rejected: call.Busy}, // its owner's refusal is a 486
		},
		Open: func(t *testing.T) calltest.Harness {
			w := newWard(t)
			w.slow = true
			return &realWard{w}
		},
		Around: func(t *testing.T, run func(*testing.T)) {
			t.Parallel()
			run(t)
		},
	})
}

// realWard is a ward with telephones that others wrote.
type realWard struct{ *ward }

// Open shortens what a caller is told of a failure; all else takes as long as in production.
func (w *realWard) Open(t *testing.T) call.Backend {
	t.Helper()
	b := w.ward.Open(t)
	w.stack.waits.prompt = shortWaits().prompt
	return b
}

// Phone makes a phone that is known by its address, unless it is offline.
func (w *realWard) Phone(t *testing.T, does calltest.Does) calltest.Phone {
	t.Helper()
	n := w.count()
	d := desk{ward: w.ward, name: fmt.Sprintf("%s-%d", does, n), hz: 600 + 150*(n%6)}
	cfg := pbx.Phone{User: d.name, Domain: w.stack.cfg.Domain, Tone: d.hz, Auto: does == calltest.Answers}
	switch does {
	case calltest.Rings, calltest.Answers:
		b := pbx.StartBaresip(t, cfg)
		d.at, d.Baresip = b.Addr, b
	case calltest.Offline:
		return &absent{desk: d}
	case calltest.Silent:
		w.reg.add(d.name, addrOf(silent(t)))
		return &absent{desk: d}
	case calltest.Late:
		conn := silent(t)
		w.reg.add(d.name, addrOf(conn))
		return handset.NewLate(t, &handset.Handset{Name: d.name, At: d.Address(), Patience: w.patience()}, conn)
	default:
		says := scenarios[does]
		s := pbx.StartSIPp(t, cfg, says.scenario, says.status)
		w.reg.add(d.name, s.Addr)
		return &robot{absent: absent{desk: d}, phone: s}
	}
	w.reg.add(d.name, d.at)
	return &d
}

// scenarios are what sipp does where it stands for a phone.
var scenarios = map[calltest.Does]struct{ scenario, status string }{
	calltest.Busy: {pbx.RefuseAtOnce, "486 Busy Here"}, calltest.Rejects: {pbx.Refuse, "603 Decline"}, calltest.Unknown: {pbx.RefuseAtOnce, "404 Not Found"},
	calltest.Congested: {pbx.RefuseAtOnce, "503 Service Unavailable"}, calltest.Redirects: {pbx.RefuseAtOnce, "302 Moved Temporarily"}, calltest.Early: {pbx.Early, ""},
}

// desk is a baresip and its owner.
type desk struct {
	*pbx.Baresip
	ward *ward
	name string
	hz   int
	at   netip.AddrPort
	keys int // that its owner has heard of
}

func (d *desk) Address() string { return aorOf(d.name) }

// Wake is of the late one, which is none of these.
func (d *desk) Wake(t *testing.T) { t.Helper(); t.Errorf("%s is awake", d.name) }

func (d *desk) Lift(t *testing.T) { t.Helper(); d.Accept() }

func (d *desk) PutDown(t *testing.T) { t.Helper(); d.HangUp() }

func (d *desk) Press(t *testing.T, keys string) { t.Helper(); d.Baresip.Press(keys) }

func (d *desk) Hold(t *testing.T, on bool) {
	t.Helper()
	if on {
		d.Baresip.Hold()
	} else {
		d.Resume()
	}
}

func (d *desk) Dial(t *testing.T, number string) {
	t.Helper()
	d.Baresip.Dial("sip:" + number + "@" + d.ward.stack.Addr().String())
}

// Hears waits for half a second of nothing but the other's tone.
func (d *desk) Hears(t *testing.T, other calltest.Phone) {
	t.Helper()
	hz := float64(other.(interface{ Tone() int }).Tone())
	d.hears(t, fmt.Sprintf("half a second of %v Hz", hz), func(pcm []int16) bool { return pbx.Hears(pcm, time.Second/2, hz, 450) })
}

func (d *desk) Tone() int { return d.hz }

// HearsTone waits for 450 Hz: the ring-back of the country, and the beeps of who waits.
func (d *desk) HearsTone(t *testing.T) {
	t.Helper()
	const loud = pbx.Loud / 2 // a beep begins and ends within a block
	d.hears(t, "450 Hz", func(pcm []int16) bool {
		for n := tone.Samples(100 * time.Millisecond); len(pcm) >= n; pcm = pcm[n:] {
			if tone.Measure(pcm[:n], 450)[0].Amplitude > loud {
				return true
			}
		}
		return false
	})
}

// hears waits until enough was heard from now on: by the phone's recorder, and after a hold, where that is silent, on the
// wire.
func (d *desk) hears(t *testing.T, what string, enough func([]int16) bool) {
	t.Helper()
	past := len(d.Heard())
	pbx.Eventually(t, limit, d.name+" hears "+what, func() bool {
		now := d.Heard()
		return d.held() || len(now) > past && enough(now[past:])
	})
	switch {
	case !d.held():
	case pbx.CanTap():
		d.Overhear(t, 2*limit, what, enough)
	default:
		t.Log("not measured, since only root can: after a hold", d.name, "hears", what)
	}
}

// held reports whether a hold was asked of the phone, or by it.
func (d *desk) held() bool {
	d.ward.mu.Lock()
	defer d.ward.mu.Unlock()
	for _, m := range d.ward.ladder {
		if m.Remote == d.at && strings.Contains(string(m.Raw), "a=sendonly\r\n") {
			return true
		}
	}
	return false
}

// HearsKeys waits until no more than these keys came since it was last asked.
func (d *desk) HearsKeys(t *testing.T, keys string) {
	t.Helper()
	pbx.Eventually(t, limit, d.name+" is told the keys "+keys, func() bool { return len(d.Pressed()) >= d.keys+len(keys) })
	if got := d.Pressed()[d.keys:]; got != keys {
		t.Errorf("%s was told the keys %q, want %q", d.name, got, keys)
	}
	d.keys += len(keys)
}

// absent is a phone that is not there, or does not move. Nobody can do anything with it.
type absent struct{ desk }

func (a *absent) Idle() bool { return true }
func (a *absent) Rang() int  { return 0 }

// robot is a sipp, which does what it does by itself.
type robot struct {
	absent
	phone *pbx.SIPp
}

func (r *robot) Idle() bool { return !r.phone.Rang() || r.phone.Called() }

func (r *robot) Rang() int {
	if r.phone.Rang() {
		return 1
	}
	return 0
}
