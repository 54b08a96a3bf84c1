package phone

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"c2d/adapters/sip/sdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg Config) *Phone {
	t.Helper()
	cfg.Listen = loopback
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// pair returns Harry, whose calls go straight to Mary, and Mary.
func pair(t *testing.T, mary Config) (*Phone, *Phone) {
	t.Helper()
	mary.AOR, mary.ToneHz = "sip:mary@house.example", 1000
	m := start(t, mary)
	return start(t, Config{AOR: "sip:harry@house.example", Registrar: m.Addr(), ToneHz: 600}), m
}

func wait(t *testing.T, p *Phone, k Kind) Event {
	t.Helper()
	e, err := p.Wait(within(t), k)
	if err != nil {
		t.Fatalf("no event %s: %v", k, err)
	}
	return e
}

func hears(t *testing.T, p *Phone, want Expect) {
	t.Helper()
	if _, err := p.WaitHeard(within(t), want); err != nil {
		t.Fatalf("%d Hz from %v is not heard, but %v", want.Hz, want.From, p.Heard())
	}
}

func dial(t *testing.T, p *Phone) {
	t.Helper()
	if err := p.Dial(within(t), "mary"); err != nil {
		t.Fatal(err)
	}
}

func TestTwoPhonesTalk(t *testing.T) {
	for _, codec := range sdp.DefaultCodecs()[:2] {
		t.Run(codec.Name, func(t *testing.T) {
			harry, mary := pair(t, Config{Answer: Auto(30 * time.Millisecond), Codecs: []sdp.Codec{codec}})
			dial(t, harry)
			wait(t, mary, Ringing)
			wait(t, mary, Answered)
			hears(t, harry, Expect{Hz: 1000, From: mary.RTP()})
			hears(t, mary, Expect{Hz: 600, From: harry.RTP()})
			if err := harry.HangUp(within(t)); err != nil {
				t.Fatal(err)
			}
			if e := wait(t, mary, Ended); e.Here || e.Status != 0 || !e.Incoming {
				t.Errorf("Mary's end: %+v", e)
			}
			if e := wait(t, harry, Ended); !e.Here || e.Incoming {
				t.Errorf("Harry's end: %+v", e)
			}
		})
	}
}

func TestTheCalledPhoneHangsUp(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	wait(t, mary, Answered)
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, harry, Ended); e.Here {
		t.Errorf("Harry's end: %+v", e)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer Answer
		status int
		rings  bool
	}{
		"busy":     {Busy(), 486, false},
		"rejected": {Reject(20 * time.Millisecond), 603, true},
		"480":      {Answer{Status: 480}, 480, false},
	} {
		t.Run(name, func(t *testing.T) {
			harry, mary := pair(t, Config{Answer: c.answer})
			var refused *Refused
			if err := harry.Dial(within(t), "mary"); !errors.As(err, &refused) || refused.Status != c.status {
				t.Fatalf("Dial: %v, want %d", err, c.status)
			}
			if e := wait(t, mary, Ended); e.Status != c.status || !e.Here {
				t.Errorf("Mary's end: %+v", e)
			}
			_, err := harry.Wait(expired(), Ringing)
			if rang := err == nil; rang != c.rings {
				t.Errorf("rang is %v", rang)
			}
		})
	}
}

// expired is for looking at what has happened already.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestByHand(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Never()})
	answered := make(chan error, 1)
	go func() { answered <- harry.Dial(within(t), "mary") }()
	wait(t, mary, Ringing)
	if err := mary.Accept(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if err := harry.Dial(within(t), "mary"); err == nil {
		t.Error("a second call on one line")
	}
}

func TestCallerGivesUp(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Never()})
	ended := make(chan error, 1)
	go func() { ended <- harry.Dial(within(t), "mary") }()
	wait(t, mary, Ringing)
	wait(t, harry, Ringing)
	if err := harry.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	var refused *Refused
	if err := <-ended; !errors.As(err, &refused) || refused.Status != 487 {
		t.Errorf("Dial: %v", err)
	}
	if e := wait(t, mary, Ended); e.Status != 487 || e.Here {
		t.Errorf("Mary's end: %+v", e)
	}
}

func TestSecondCallIsBusy(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	third := start(t, Config{AOR: "sip:bob@house.example", Registrar: mary.Addr()})
	var refused *Refused
	if err := third.Dial(within(t), "mary"); !errors.As(err, &refused) || refused.Status != 486 {
		t.Errorf("Dial: %v", err)
	}
	hears(t, harry, Expect{Hz: 1000, After: time.Now()}) // the first call goes on
}

func TestEarlyMedia(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(time.Minute), EarlyMedia: true})
	ended := make(chan error, 1)
	go func() { ended <- harry.Dial(within(t), "mary") }()
	hears(t, harry, Expect{Hz: 1000, From: mary.RTP()})
	if err := harry.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a call that was given up is answered")
	}
}

func TestHoldAndResume(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	at := harry.RTP()
	hears(t, harry, Expect{Hz: 1000})
	wait(t, mary, Media)
	if err := harry.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, mary, Media); e.Remote.IsValid() {
		t.Errorf("Mary goes on to send to %v", e.Remote)
	}
	if err := harry.Resume(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, mary, Media); e.Remote != at {
		t.Errorf("Mary sends to %v, not %v", e.Remote, at)
	}
	hears(t, harry, Expect{Hz: 1000, After: time.Now()})
}

// Mary's phone knows INVITE, and no UPDATE.
func TestRefresh(t *testing.T) {
	harry, _ := pair(t, Config{Answer: Auto(0), Session: 90})
	if _, err := harry.Refresh(within(t), sip.INVITE); !errors.Is(err, ErrNoCall) {
		t.Errorf("without a call: %v", err)
	}
	dial(t, harry)
	if terms, err := harry.Refresh(within(t), sip.INVITE); err != nil || terms != "90;refresher=uas" {
		t.Errorf("by INVITE: %q, %v", terms, err)
	}
	var no *Refused
	if _, err := harry.Refresh(within(t), sip.UPDATE); !errors.As(err, &no) || no.Status != 405 {
		t.Errorf("by UPDATE: %v", err)
	}
	hears(t, harry, Expect{Hz: 1000, After: time.Now()})
}

// offerElsewhere sends a re-INVITE that asks for the sound at another address.
func offerElsewhere(t *testing.T, p *Phone, to netip.AddrPort) *sip.Response {
	t.Helper()
	c := p.current()
	res, sent, err := c.ask(within(t), sip.INVITE, func() []byte { return c.desc.Offer(to, sdp.DefaultCodecs(), sdp.SendRecv) })
	if err != nil {
		t.Fatal(err)
	}
	if res.IsSuccess() {
		if err := c.acknowledge(sent); err != nil {
			t.Fatal(err)
		}
	}
	return res
}

func TestReinviteMovesTheSound(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	elsewhere, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	to := elsewhere.LocalAddr().(*net.UDPAddr).AddrPort()
	offerElsewhere(t, harry, to)
	if _, err := mary.WaitFor(within(t), func(e Event) bool { return e.Kind == Media && e.Remote == to }); err != nil {
		t.Fatal(err)
	}
	_ = elsewhere.SetReadDeadline(time.Now().Add(5 * time.Second))
	var packet rtp.Packet
	buf := make([]byte, 1500)
	n, from, err := elsewhere.ReadFromUDPAddrPort(buf)
	if err != nil || packet.Unmarshal(buf[:n]) != nil || from != mary.RTP() {
		t.Errorf("packet from %v, %v", from, err)
	}
}

func TestRefusedReinviteChangesNothing(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0), RefuseReinvites: true})
	dial(t, harry)
	if res := offerElsewhere(t, harry, netip.MustParseAddrPort("127.0.0.1:9")); res.StatusCode != 488 {
		t.Errorf("status %d", res.StatusCode)
	}
	hears(t, harry, Expect{Hz: 1000, From: mary.RTP(), After: time.Now()})
}

func TestSlowReinviteOfACallThatEnds(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0), ReinviteAfter: time.Minute})
	dial(t, harry)
	c, status := harry.current(), make(chan int, 1)
	go func() {
		res, _, err := c.phone.exchange(within(t), c.request(sip.INVITE), nil)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		status <- res.StatusCode
	}()
	hears(t, harry, Expect{Hz: 1000, From: mary.RTP(), After: time.Now()}) // the old sound goes on
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != 487 {
		t.Errorf("status %d", got)
	}
}

func TestInviteWithoutDescription(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	c := harry.current()
	res, sent, err := c.ask(within(t), sip.INVITE, nil)
	if err != nil || !res.IsSuccess() {
		t.Fatal(res, err)
	}
	to := netip.MustParseAddrPort("127.0.0.1:9")
	s, err := sdp.Parse(res.Body())
	if err != nil {
		t.Fatal(err)
	}
	ack := c.build(sip.ACK, sent.CSeq().SeqNo)
	ack.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	ack.SetBody(c.desc.Answer(s, to, s.Audio.Codecs, sdp.SendRecv))
	if err := harry.client.WriteRequest(ack); err != nil {
		t.Fatal(err)
	}
	if _, err := mary.WaitFor(within(t), func(e Event) bool { return e.Kind == Media && e.Remote == to }); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsTellsADialogFromNone(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	c := harry.current()
	if res, _, err := c.ask(within(t), sip.OPTIONS, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("in the dialog: %v, %v", res, err)
	}
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if res, _, err := c.ask(within(t), sip.OPTIONS, nil); err != nil || res.StatusCode != 481 {
		t.Errorf("after it: %v, %v", res, err)
	}
}

func TestCloseHangsUp(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0)})
	dial(t, harry)
	wait(t, mary, Answered)
	harry.Close()
	harry.Close()
	if e := wait(t, mary, Ended); e.Here {
		t.Errorf("Mary's end: %+v", e)
	}
	if err := harry.HangUp(within(t)); !errors.Is(err, ErrNoCall) {
		t.Errorf("HangUp of a closed phone: %v", err)
	}
}

// deaf loses every ACK until a second INVITE has come.
type deaf struct {
	net.PacketConn
	invites int // the phone has one reader
}

func (d *deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.PacketConn.ReadFrom(b)
		if bytes.HasPrefix(b[:n], []byte("INVITE ")) {
			d.invites++
		}
		if err != nil || !bytes.HasPrefix(b[:n], []byte("ACK ")) || d.invites > 1 {
			return n, from, err
		}
	}
}

// A re-INVITE that comes before the ACK of the first 200 does not make the phone forget that: it may hang up once it is here.
func TestReinviteBeforeTheAck(t *testing.T) {
	harry, mary := pair(t, Config{Answer: Auto(0), Line: func(c net.PacketConn) net.PacketConn { return &deaf{PacketConn: c} }})
	dial(t, harry)
	wait(t, mary, Answered)
	hung := make(chan error, 1)
	go func() { hung <- mary.HangUp(within(t)) }()
	if err := harry.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-hung; err != nil {
		t.Error(err)
	}
	wait(t, harry, Ended)
}

// An ACK that is handled after the next re-INVITE does not bring the older description back: the phone would be mute.
func TestALateAckDescribesNothing(t *testing.T) {
	var c call
	var taken []uint32
	for _, cseq := range []uint32{1, 2, 1, 2, 3} {
		c.describe(cseq, func() { taken = append(taken, cseq) })
	}
	if want := []uint32{1, 2, 2, 3}; !slices.Equal(taken, want) {
		t.Errorf("taken are %d, want %d", taken, want)
	}
}

// wiretap hands over what a phone sends that begins as wanted.
type wiretap struct {
	net.PacketConn
	wanted string
	sent   chan string
}

func (w *wiretap) WriteTo(b []byte, to net.Addr) (int, error) {
	if strings.HasPrefix(string(b), w.wanted) {
		select {
		case w.sent <- string(b):
		default: // a repetition
		}
	}
	return w.PacketConn.WriteTo(b, to)
}

// A 302 names whom to call instead, and not the phone itself.
func TestRedirect(t *testing.T) {
	tap := &wiretap{wanted: "SIP/2.0 302 ", sent: make(chan string, 1)}
	harry, _ := pair(t, Config{Answer: Redirect("sip:ann@house.example"), Line: func(c net.PacketConn) net.PacketConn { tap.PacketConn = c; return tap }})
	var refused *Refused
	if err := harry.Dial(within(t), "mary"); !errors.As(err, &refused) || refused.Status != sip.StatusMovedTemporarily {
		t.Fatalf("Dial: %v", err)
	}
	if res := <-tap.sent; strings.Count(res, "Contact: ") != 1 || !strings.Contains(res, "\r\nContact: <sip:ann@house.example>\r\n") {
		t.Errorf("sent is\n%s", res)
	}
}
