package asterisk

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/ari"
	"c2d/adapters/ari/client"
	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// patience is that of a phone's owner.
const patience = 10 * time.Second

// extensions are those of the phones of one run: 20001 and so on.
const (
	firstExtension = 20001
	manyExtensions = 700
)

// forms are the two ways to a phone.
var forms = map[string][]identity.Dial{
	"Asterisk, direct":   {{Match: ".*", To: "PJSIP/{number}"}},
	"Asterisk, dialplan": {{Match: ".*", To: "Local/{number}@from-internal/n"}},
}

// dialplan reports whether the ways lead through the dialplan: there a 302 is followed, and told. A 181 is not.
func dialplan(dial []identity.Dial) bool { return strings.HasPrefix(dial[0].To, "Local/") }

// TestConformance runs both forms side by side, each on an Asterisk of its own.
func TestConformance(t *testing.T) {
	var columns sync.WaitGroup
	defer columns.Wait()
	for name, dial := range forms {
		a := pbx.StartAsterisk(t, pbx.Switch{Files: phones()})
		w := &wards{asterisk: a, dial: dial}
		columns.Go(func() {
			calltest.Run(t, calltest.Suite{
				Backend: name, Peers: []string{"Asterisk " + a.Version},
				Can:  calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true, Lose: true, Outlives: true, Mixed: true, Forwards: dialplan(dial)},
				Open: func(t *testing.T) calltest.Harness { return &ward{wards: w} },
			})
		})
	}
}

// phones are the configuration files of phones that register without a password, each with an extension.
func phones() []pbx.File {
	var b strings.Builder
	for n := range manyExtensions {
		fmt.Fprintf(&b, "[%[1]d](phone)\naors = %[1]d\n[%[1]d]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n", firstExtension+n)
	}
	plan := "[from-internal](+)\nexten => _2XXXX,1,Dial(PJSIP/${EXTEN},60)\n same => n,Hangup()\n"
	return []pbx.File{{Name: "pjsip_phones.conf", Text: b.String()}, {Name: "extensions_local.conf", Text: plan}}
}

// wards are the rooms of one Asterisk.
type wards struct {
	asterisk *pbx.Asterisk
	dial     []identity.Dial
	mu       sync.Mutex
	phones   int
}

func (w *wards) extension() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phones++
	return firstExtension + w.phones - 1
}

// ward is one behaviour's: an Asterisk that outlives our process, phones, and the line between it and us.
type ward struct {
	*wards
	line *pbx.Line
	kept string // where recordings lie
	deaf bool   // phones that listen to nothing, for many of them
}

func (w *ward) Name() string { return "ward-pbx" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	return w.As(t, identity.Origin{Installation: "suite", Node: "n1"})
}

// As implements [office.Ward].
func (w *ward) As(t *testing.T, origin identity.Origin) call.Backend {
	t.Helper()
	w.line = pbx.NewLine(t, strings.TrimSuffix(strings.TrimPrefix(w.asterisk.URL, "http://"), "/ari"))
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("ARI_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b, err := ari.New(ari.Config{Name: w.Name(), Kind: "asterisk", URL: "http://" + w.line.Addr() + "/ari", Username: w.asterisk.Username,
		Password: w.asterisk.Password, Dial: w.dial}, ari.Deps{Origin: origin, Log: log, Archive: w.archive(t)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Crash cuts the line for good: what the dead process would still say reaches nobody.
func (w *ward) Crash(*testing.T) { w.line.Close() }
func (w *ward) Lose()            { w.line.Cut() }
func (w *ward) Restore()         { w.line.Mend() }

// asteriskAPI is a client of ARI beside ours.
func (w *ward) asteriskAPI(t *testing.T) *client.Client {
	api := client.New(client.Config{URL: w.asterisk.URL, Username: w.asterisk.Username, Password: w.asterisk.Password})
	t.Cleanup(api.Close)
	return api
}

func (w *ward) Phone(t *testing.T, does calltest.Does) calltest.Phone {
	t.Helper()
	n := w.extension()
	h := &handset.Handset{Name: fmt.Sprint(n), At: fmt.Sprint(n), Hz: 600 + 400*(n%2), Patience: patience, Prefix: "*55"}
	switch does {
	case calltest.Offline:
		return h
	case calltest.Silent:
		pbx.RegisterSilent(t, w.asterisk.Addr, h.Name)
		return h
	case calltest.Late:
		return handset.NewLate(t, h, pbx.RegisterSilent(t, w.asterisk.Addr, h.Name))
	}
	if does == calltest.Forwards {
		h.Name = fmt.Sprint(w.extension())
		w.register(t, telephone.Config{AOR: w.aor(fmt.Sprint(n)), Answer: telephone.Redirect(w.aor(h.Name))})
	}
	h.Phone = w.register(t, telephone.Config{
		AOR: w.aor(h.Name), ToneHz: h.Hz, Answer: answers[does], EarlyMedia: does == calltest.Early, Notify: h.Happened,
		Deaf: w.deaf || does == calltest.Answers,
	})
	return h
}

func (w *ward) aor(name string) string { return "sip:" + name + "@" + w.asterisk.Addr.Addr().String() }

// register makes a phone, and has it known.
func (w *ward) register(t *testing.T, cfg telephone.Config) *telephone.Phone {
	t.Helper()
	cfg.Registrar, cfg.Listen = w.asterisk.Addr, netip.MustParseAddrPort("127.0.0.1:0")
	p, err := telephone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := p.Register(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

var answers = map[calltest.Does]telephone.Answer{
	calltest.Answers: telephone.Auto(20 * time.Millisecond), calltest.Busy: telephone.Busy(), calltest.Rejects: telephone.Reject(20 * time.Millisecond),
	calltest.Unknown: {Status: 404}, calltest.Congested: {Status: 503}, calltest.Redirects: {Status: 302},
}
