package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"c2d/adapters/esl"
	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/core/tone"
	"c2d/test/pbx"
)

// patience is that of a phone's owner.
const patience = 10 * time.Second

// Extensions are those of the phones of one run: 20001 and so on.
const (
	firstExtension = 20001
	manyExtensions = 700
	password       = "only-for-this-test"
)

func TestConformance(t *testing.T) {
	w := newWards(t)
	calltest.Run(t, calltest.Suite{
		Backend: "FreeSWITCH", Peers: []string{"FreeSWITCH " + w.freeswitch.Version},
		Can:  calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true, Lose: true, Outlives: true, Twins: true, Refers: true},
		Open: func(t *testing.T) calltest.Harness { return &ward{wards: w} },
	})
}

// wards are the rooms of one FreeSWITCH.
type wards struct {
	freeswitch *pbx.FreeSWITCH
	door       string // where its dialplan looks for us
	mu         sync.Mutex
	phones     int
}

// newWards has further files of FreeSWITCH's, beside those of every ward.
func newWards(t *testing.T, more ...pbx.File) *wards {
	t.Helper()
	door := netip.AddrPortFrom(pbx.NextAddress(), 8084)
	return &wards{door: door.String(), freeswitch: pbx.StartFreeSWITCH(t, pbx.Exchange{
		Socket: door, Files: append([]pbx.File{
			pbx.Extensions(firstExtension, manyExtensions, password),
			{Name: "sip_profiles/internal/register.xml", Text: `<param name="accept-blind-reg" value="true"/>` + "\n" + // a phone that is silent cannot show a password
				`<param name="multiple-registrations" value="contact"/>` + "\n"},
		}, more...),
	})}
}

func (w *wards) extension() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phones++
	return firstExtension + w.phones - 1
}

// ward is one behaviour's: a FreeSWITCH that outlives our process, phones, and the line between it and us.
type ward struct {
	*wards
	line *pbx.Line
	last *esl.Backend
	kept string // where recordings go
	deaf bool   // phones that listen to nothing, for many of them
	shut bool   // the dialplan hands us nothing: of several processes one has the door
}

func (w *ward) Name() string { return "fs" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	return w.As(t, identity.Origin{Installation: "suite", Node: "n1"})
}

// As implements [office.Ward].
func (w *ward) As(t *testing.T, origin identity.Origin) call.Backend {
	t.Helper()
	w.line = pbx.NewLine(t, w.freeswitch.Socket.String())
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("ESL_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if w.kept == "" {
		w.kept = filepath.Join(t.TempDir(), "kept")
	}
	door := w.door
	if w.shut {
		door = ""
	}
	b, err := esl.New(esl.Config{
		Name: w.Name(), Kind: "freeswitch", Address: w.line.Addr(), Password: w.freeswitch.Password, Listen: door, Recordings: w.kept,
		Dial: []identity.Dial{{Match: ".*", To: "user/{number}"}}, EveryPhone: true,
	}, esl.Deps{Origin: origin, Country: "CN", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.last = b
	return b
}

// Crash cuts the line for good, and lets go of the calls that the dialplan has handed over: what the dead process would still say
// reaches nobody.
func (w *ward) Crash(t *testing.T) {
	w.line.Close()
	_ = w.last.Stop(t.Context())
}

func (w *ward) Lose()    { w.line.Cut() }
func (w *ward) Restore() { w.line.Mend() }

func (w *ward) Phone(t *testing.T, does calltest.Does) calltest.Phone {
	t.Helper()
	n := w.extension()
	h := &handset.Handset{Name: fmt.Sprint(n), At: fmt.Sprint(n), Hz: 600 + 400*(n%2), Patience: patience, Prefix: "*55", Realm: w.freeswitch.Addr.String()}
	switch does {
	case calltest.Offline:
		return h
	case calltest.Silent:
		pbx.RegisterSilent(t, w.freeswitch.Addr, h.Name)
		return h
	case calltest.Late:
		return handset.NewLate(t, h, pbx.RegisterSilent(t, w.freeswitch.Addr, h.Name))
	}
	w.registers(t, h, does)
	return h
}

// Twin implements [calltest.Twins].
func (w *ward) Twin(t *testing.T, of calltest.Phone, does calltest.Does) calltest.Phone {
	t.Helper()
	o := of.(*handset.Handset)
	h := &handset.Handset{Name: o.Name, At: o.At, Hz: o.Hz, Patience: patience, Prefix: o.Prefix, Realm: o.Realm}
	w.registers(t, h, does)
	return h
}

// registers gives a phone to its owner.
func (w *ward) registers(t *testing.T, h *handset.Handset, does calltest.Does) {
	t.Helper()
	p, err := telephone.New(telephone.Config{
		AOR: "sip:" + h.Name + "@" + w.freeswitch.Addr.Addr().String(), Password: password, Registrar: w.freeswitch.Addr,
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), ToneHz: h.Hz, Answer: answers[does], EarlyMedia: does == calltest.Early,
		Forwards: does == calltest.Forwards, Notify: h.Happened, Deaf: w.deaf || does == calltest.Answers,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	h.Phone = p
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := p.Register(ctx); err != nil {
		t.Fatal(err)
	}
}

var answers = map[calltest.Does]telephone.Answer{
	calltest.Answers: telephone.Auto(20 * time.Millisecond), calltest.Busy: telephone.Busy(), calltest.Rejects: telephone.Reject(20 * time.Millisecond),
	calltest.Unknown: {Status: 404}, calltest.Congested: {Status: 503}, calltest.Redirects: {Status: 302},
}

// atEnd is how much of a recording's end is looked at: a machine that is busy lets its phones pause.
const atEnd = 3 * tone.Rate

// Recorded implements [calltest.Archive].
func (w *ward) Recorded(t *testing.T, name string, left, right calltest.Phone) {
	t.Helper()
	l, r := hz(left), hz(right)
	var sides [2][]int16
	pbx.Eventually(t, patience, fmt.Sprintf("a recording that ends with %v Hz on the left and %v Hz on the right", l, r), func() bool {
		var err error
		if sides, err = pbx.ReadStereo(filepath.Join(w.kept, name+".wav")); err != nil {
			return false
		}
		last := max(0, len(sides[0])-atEnd)
		return pbx.Holds(sides[0][last:], l) && pbx.Holds(sides[1][last:], r)
	})
	if pbx.Holds(sides[0], r) || pbx.Holds(sides[1], l) {
		t.Errorf("the recording has %v Hz on the right too, or %v Hz on the left", l, r)
	}
}

func hz(p calltest.Phone) float64 { return float64(p.(interface{ Tone() int }).Tone()) }

// BreakRecordings implements [calltest.Archive]: a file is in the folder's place.
func (w *ward) BreakRecordings(t *testing.T) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(w.kept), os.WriteFile(w.kept, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// exists reports whether FreeSWITCH has a channel.
func (w *wards) exists(t *testing.T, channel string) bool {
	t.Helper()
	return w.freeswitch.Console(t, "uuid_exists "+channel) == "true"
}
