package demo

import (
	"bytes"
	"context"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"c2d/adapters/sip"
	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOnce is the whole story, with real sound.
func TestOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds; run without -short")
	}
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Out: &out, Once: true}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"─ REGISTER ─", "◄ re-INVITE  rtp 127.0.0.1:", "♪ Harry hears ring-back: 450 Hz through C2D",
		"♪ Harry hears Mary: 1000 Hz directly", "♪ Mary hears Harry: 600 Hz through C2D", "is ended: completed by api"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(out.String(), "\x1b[") || strings.Contains(out.String(), "  NO  ") {
		t.Errorf("colours, or something went wrong:\n%s", out.String())
	}
}

// screen is an output that a test can watch.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	seen chan struct{} // closed when want was written
	want string
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := strings.Contains(s.text.String(), s.want)
	s.text.Write(b)
	if !had && strings.Contains(s.text.String(), s.want) {
		close(s.seen)
	}
	return len(b), nil
}

// TestLeavesNothingBehind lets it run on, and interrupts it.
func TestLeavesNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds; run without -short")
	}
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	out := &screen{seen: make(chan struct{}), want: "^C ends it"}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Options{Out: out}) }()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatal(err, out.text.String())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

var (
	harrySIP = netip.MustParseAddrPort("127.0.0.1:5070")
	marySIP  = netip.MustParseAddrPort("127.0.0.1:5072")
)

// wire is a message with an SDP body, if at is set.
func wire(start, to, at string) []byte {
	body := ""
	if at != "" {
		a := netip.MustParseAddrPort(at)
		body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 " + a.Addr().String() + "\r\nt=0 0\r\nm=audio " +
			strings.Split(at, ":")[1] + " RTP/AVP 8\r\na=sendonly\r\n"
	}
	return []byte(start + "\r\nTo: " + to + "\r\n\r\n" + body)
}

func TestLadder(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out, false)
	p.column(harrySIP, "Harry")
	p.column(marySIP, "Mary")
	at := func(ms int) time.Time { return p.start.Add(time.Duration(ms) * time.Millisecond) }
	for _, m := range []sip.Message{
		{At: at(1), Remote: harrySIP, StartLine: "REGISTER sip:c2d.internal SIP/2.0", CSeq: "1 REGISTER"},
		{At: at(2), Remote: harrySIP, Sent: true, StartLine: "SIP/2.0 401 Unauthorized", CSeq: "1 REGISTER"},
		{At: at(3), Remote: marySIP, Sent: true, StartLine: "INVITE sip:mary@127.0.0.1 SIP/2.0", CSeq: "1 INVITE", Raw: wire("INVITE", "<sip:mary@x>", "127.0.0.1:30002")},
		{At: at(40), Remote: marySIP, StartLine: "SIP/2.0 180 Ringing", CSeq: "1 INVITE"},
		{At: at(500), Remote: marySIP, Sent: true, StartLine: "INVITE sip:mary@127.0.0.1 SIP/2.0", CSeq: "2 INVITE", Raw: wire("INVITE", "<sip:mary@x>;tag=1", "")},
		{At: at(1234567), Remote: harrySIP, StartLine: "SIP/2.0 480 " + strings.Repeat("long ", 20), CSeq: "1 INVITE"},
		{At: at(1234568), Remote: netip.MustParseAddrPort("127.0.0.1:9"), StartLine: "\xff\x00", CSeq: ""},
	} {
		p.message(m)
	}
	p.quiet()
	p.message(sip.Message{At: at(1234569), Remote: harrySIP, StartLine: "BYE"})
	p.close()
	golden := filepath.Join("testdata", "ladder.txt")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestFirstHeard(t *testing.T) {
	own, ours := netip.MustParseAddrPort("127.0.0.1:4000"), netip.MustParseAddrPort("127.0.0.1:30000")
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	all := []phone.Sound{{Hz: 450, From: ours, First: at(1)}, {Hz: 990, From: ours, First: at(2)}, {Hz: 1000, From: own, First: at(3)},
		{Hz: 1000, From: ours, First: at(4)}}
	if relayed, direct := firstHeard(all, 1000, own); relayed != at(2) || direct != at(3) {
		t.Errorf("%v, %v", relayed, direct)
	}
	if relayed, direct := firstHeard(all, 600, own); !relayed.IsZero() || !direct.IsZero() {
		t.Errorf("what was not said: %v, %v", relayed, direct)
	}
}

func goodRecord() client.Call {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	leg := client.Leg{State: "ended", RingingAt: at(1), AnsweredAt: at(2), EndedAt: at(9)}
	c := client.Call{State: "ended", End: &client.End{Reason: "completed", By: "api"}, CreatedAt: at(0), CallerAnsweredAt: at(2),
		CalleeAnsweredAt: at(4), ConnectedAt: at(4), EndedAt: at(9)}
	for _, p := range []*client.Party{&c.Caller, &c.Callee} {
		p.Attempts = append(p.Attempts, struct {
			Device string       `json:"device"`
			Legs   []client.Leg `json:"legs"`
		}{Legs: []client.Leg{leg}})
	}
	return c
}

func TestWrongRecords(t *testing.T) {
	check := func(c client.Call) error { return verdict{{"", ending(c)}, {"", inOrder(c)}, {"", bothLegs(c)}}.err() }
	if err := check(goodRecord()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*client.Call){
		"still open":        func(c *client.Call) { c.State = "connected" },
		"no end":            func(c *client.Call) { c.End = nil },
		"another reason":    func(c *client.Call) { c.End.Reason = "lost" },
		"by another":        func(c *client.Call) { c.End.By = "caller" },
		"a missing time":    func(c *client.Call) { c.ConnectedAt = time.Time{} },
		"times in disorder": func(c *client.Call) { c.CalleeAnsweredAt = c.EndedAt.Add(time.Second) },
		"a leg too few":     func(c *client.Call) { c.Callee.Attempts = nil },
		"a leg left open":   func(c *client.Call) { c.Caller.Attempts[0].Legs[0].EndedAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			c := goodRecord()
			spoil(&c)
			if check(c) == nil {
				t.Error("it passes")
			}
		})
	}
}
