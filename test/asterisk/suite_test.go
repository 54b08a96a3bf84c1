package asterisk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/ari"
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
var forms = map[string][]ari.Dial{
	"Asterisk, direct":   {{Match: ".*", To: "PJSIP/{number}"}},
	"Asterisk, dialplan": {{Match: ".*", To: "Local/{number}@from-internal/n"}},
}

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
				Can:  calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true, Lose: true, Outlives: true},
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
	dial     []ari.Dial
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
	line *line
	last *ari.Backend
	deaf bool // phones that listen to nothing, for many of them
}

func (w *ward) Name() string { return "ward-pbx" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	return w.as(t, identity.Origin{Installation: "suite", Node: "n1"})
}

// as opens the backend of a process of some installation.
func (w *ward) as(t *testing.T, origin identity.Origin) *ari.Backend {
	t.Helper()
	w.line = newLine(t, strings.TrimSuffix(strings.TrimPrefix(w.asterisk.URL, "http://"), "/ari"))
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("ARI_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b, err := ari.New(ari.Config{Name: w.Name(), Kind: "asterisk", URL: "http://" + w.line.addr() + "/ari", Username: w.asterisk.Username,
		Password: w.asterisk.Password, Dial: w.dial}, ari.Deps{Origin: origin, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.last = b
	return b
}

// Crash cuts the line for good: what the dead process would still say reaches nobody.
func (w *ward) Crash(*testing.T) { w.line.close() }
func (w *ward) Lose()            { w.line.cut() }
func (w *ward) Restore()         { w.line.mend() }

func (w *ward) Phone(t *testing.T, does calltest.Does) calltest.Phone {
	t.Helper()
	n := w.extension()
	h := &handset.Handset{Name: fmt.Sprint(n), At: fmt.Sprint(n), Hz: 600 + 400*(n%2), Patience: patience, Prefix: "*55"}
	switch does {
	case calltest.Offline:
		return h
	case calltest.Silent:
		registerSilent(t, w.asterisk.Addr, h.Name)
		return h
	}
	p, err := telephone.New(telephone.Config{
		AOR: "sip:" + h.Name + "@" + w.asterisk.Addr.Addr().String(), Registrar: w.asterisk.Addr, Listen: netip.MustParseAddrPort("127.0.0.1:0"),
		ToneHz: h.Hz, Answer: answers[does], EarlyMedia: does == calltest.Early, Forwards: does == calltest.Forwards, Notify: h.Happened,
		Deaf: w.deaf || does == calltest.Answers,
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
	return h
}

var answers = map[calltest.Does]telephone.Answer{
	calltest.Answers: telephone.Auto(20 * time.Millisecond), calltest.Busy: telephone.Busy(), calltest.Rejects: telephone.Reject(20 * time.Millisecond),
	calltest.Unknown: {Status: 404}, calltest.Congested: {Status: 503}, calltest.Redirects: {Status: 302},
}

// registerSilent registers a phone that says nothing ever after.
func registerSilent(t *testing.T, registrar netip.AddrPort, extension string) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(registrar))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	me := c.LocalAddr().String()
	fmt.Fprintf(c, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]s\r\nFrom: <sip:%[3]s@%[1]s>;tag=a\r\nTo: <sip:%[3]s@%[1]s>\r\n"+
		"Call-ID: silent-%[3]s\r\nCSeq: 1 REGISTER\r\nContact: <sip:%[3]s@%[2]s>\r\nExpires: 600\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		registrar.Addr(), me, extension)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 2000)
	n, err := c.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "SIP/2.0 200") {
		t.Fatalf("not registered: %v %s", err, answer[:n])
	}
}

// line is a TCP line between us and Asterisk that can be cut.
type line struct {
	l    net.Listener
	to   string
	mu   sync.Mutex
	up   bool
	open map[net.Conn]bool

	forgets string // a variable that Asterisk is not told; fixed before the line is used
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &line{l: l, to: to, up: true, open: map[net.Conn]bool{}}
	var work sync.WaitGroup
	work.Go(func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { x.carry(c) })
		}
	})
	t.Cleanup(func() { x.close(); work.Wait() })
	return x
}

func (x *line) addr() string { return x.l.Addr().String() }

func (x *line) keep(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.up {
		x.open[c] = true
	}
	return x.up
}

func (x *line) carry(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("tcp", x.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !x.keep(c) || !x.keep(far) {
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(x.towards(far), c); far.Close() }()
	_, _ = io.Copy(c, far)
	c.Close()
	<-done
}

// towards is Asterisk, which is told another name for what it is not to know.
func (x *line) towards(far net.Conn) io.Writer {
	if x.forgets == "" {
		return far
	}
	return forgetful{far, []byte(x.forgets)}
}

// forgetful replaces a name by another of its length, in what comes in one piece, as a request's body does.
type forgetful struct {
	io.Writer
	name []byte
}

func (f forgetful) Write(text []byte) (int, error) {
	return f.Writer.Write(bytes.ReplaceAll(text, f.name, bytes.Repeat([]byte("X"), len(f.name))))
}

func (x *line) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = false
	for c := range x.open {
		c.Close()
	}
	x.open = map[net.Conn]bool{}
}

func (x *line) mend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = true
}

func (x *line) close() {
	x.l.Close()
	x.cut()
}
