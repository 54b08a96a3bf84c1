package sip

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

// alarm is a log that knows whether a handler panicked.
type alarm struct {
	slog.Handler
	rung atomic.Pointer[string]
}

func (a *alarm) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "panic") {
		all := r.Message
		r.Attrs(func(x slog.Attr) bool { all += "\n" + x.String(); return true })
		a.rung.Store(&all)
	}
	return nil
}

func (a *alarm) Enabled(context.Context, slog.Level) bool { return true }

// inDialogs are messages of a phone that talks and of one that rings, and of a trunk, with what a stranger may write into
// them. CALL, OURS and THEIRS stand for the talking phone's dialog, RINGS for the INVITE to the other.
var inDialogs = []string{
	"METHOD sip:CALL@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKBRANCH\nFrom: <sip:harry@hospital.example>;tag=THEIRS\n" +
		"To: <sip:101@hospital.example>;tag=OURS\nCall-ID: CALL\nCSeq: SEQ METHOD\nContact: <sip:harry@127.0.0.1:9>\nREST",
	"METHOD sip:101@hospital.example SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKBRANCH;rport\nFrom: <sip:harry@hospital.example>;tag=a\n" +
		"To: <sip:101@hospital.example>\nCall-ID: BRANCH\nCSeq: SEQ METHOD\nContact: <sip:harry@127.0.0.1:9>\nAuthorization: yes\nREST",
	"SIP/2.0 STATUS OK\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=RINGS\nFrom: <sip:101@hospital.example>;tag=RINGTAG\n" +
		"To: <sip:mary@hospital.example>;tag=b\nCall-ID: RINGID\nCSeq: 1 INVITE\nContact: <sip:mary@127.0.0.1:9>\nREST",
}

// rests are ends of messages that our own code reads.
var rests = []string{
	"Content-Length: 0\n\n",
	"Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 8 0 101\na=sendonly\n",
	"Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=video 1 RTP/AVP 99\nm=audio 0 RTP/SAVP 8\n",
	"Content-Type: application/dtmf-relay\n\nSignal=5\nDuration=160\n", "Content-Type: application/dtmf\n\n#",
	"Session-Expires: 90;refresher=uas\nSupported: timer, 100rel\nMin-SE: 90\n\n", "x: 1\nRequire: timer\n\n",
	"Refer-To: <sip:mary@hospital.example;method=INVITE?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\nReferred-By: <sip:x@y>\n\n",
	"Refer-To: <tel:+8613800138000;phone-context=+86>\n\n", "r: <sip:%E9%A9%AC%E4%B8%BD@hospital.example>\n\n", "Refer-To: *\n\n",
	"Replaces: CALL;to-tag=OURS;from-tag=THEIRS;early-only\nRequire: replaces\n\n", "RSeq: 4294967296\nRequire: 100rel\n\n", "RAck: 1 1 INVITE\n\n",
	"P-Asserted-Identity: \"x\" <tel:+86>, <sip:@>\nPrivacy: id;critical\nDiversion: <sip:a@b>;reason=x\n\n",
	"Contact: *\nExpires: 0\n\n", "Record-Route: <sip:127.0.0.9;lr>, <sip:%00@x>\nPath: <sip:a;lr>\n\n", "Max-Forwards: 0\n\n", "Allow: UPDATE,\n\n",
	"Content-Type: message/sipfrag;version=2.0\nEvent: refer\nSubscription-State: terminated;reason=noresource\n\nSIP/2.0 200 OK\n",
	"Content-Type: multipart/mixed;boundary=b\n\n--b\nContent-Type: application/sdp\n\nv=0\n--b--\n",
}

// FuzzMessages sends the stack what a stranger, a phone in a call and a trunk may send: nothing makes a handler panic, and
// whoever asks next is answered.
func FuzzMessages(f *testing.F) {
	methods := []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE"}
	for _, frame := range inDialogs {
		for i, rest := range rests {
			m := methods[i%len(methods)]
			f.Add(i%5 == 4, strings.NewReplacer("METHOD", m, "STATUS", []string{"100", "180", "183", "200", "302", "422", "486"}[i%7], "REST", rest).Replace(frame))
		}
	}
	files, _ := filepath.Glob("testdata/torture/*.txt")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(false, string(text))
		}
	}
	x, log := fuzzed(f)
	inside, outside := x.from("127.0.0.1"), x.from("127.0.0.3")
	f.Fuzz(func(t *testing.T, trunk bool, text string) {
		x.stand(t)
		c := inside
		if trunk {
			c = outside
		}
		_, _ = c.Write([]byte(x.fill(text)))
		x.answers(inside)
		if what := log.rung.Swap(nil); what != nil {
			t.Fatal(*what)
		}
	})
}

// target is a house in which a phone talks and one rings.
type target struct {
	*house
	n              int
	talker, ringer *phone
	talk, ring     string // their legs
}

func fuzzed(f *testing.F) (*target, *alarm) {
	log := &alarm{Handler: slog.DiscardHandler}
	h := newHouse(f, func(c *Config) {
		c.Limits = Limits{Rate: 1e9, Burst: 1e9}
		c.Entries = append(c.Entries, Entry{Name: "carrier", Kind: "sip", Proxy: "sip:127.0.0.3:9", Trust: []trunk.Trust{{CIDR: "127.0.0.3", Accept: []string{"pai"}}}})
	})
	h.stack.log = slog.New(log)
	h.stack.waits.orphan = time.Second
	h.start()
	return &target{house: h, talker: h.phone("harry"), ringer: h.phone("mary")}, log
}

// from returns a socket that sends from an address.
func (h *house) from(ip string) *net.UDPConn {
	h.t.Helper()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)}, net.UDPAddrFromAddrPort(h.stack.Addr()))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}

// stand makes the calls anew that what was sent before has ended.
func (x *target) stand(t *testing.T) {
	x.n++
	x.house.t, x.talker.t, x.ringer.t = t, t, t
	x.mu.Lock()
	x.ladder = nil
	x.mu.Unlock()
	if l := x.stack.leg(x.talk); l == nil || !l.answered() {
		x.talk = "talk-" + newTag()
		x.talker.deaf()
		x.tryCall(x.talker, x.talk)
		x.talker.inv = x.talker.passes("INVITE").(*sip.Request)
		x.talker.reply(x.talker.inv, 200, x.talker.answer(x.talker.inv))
		x.expect(x.talk, call.EvAnswered)
	}
	if x.stack.leg(x.ring) == nil {
		x.ring = "ring-" + newTag()
		x.ringer.deaf()
		x.tryCall(x.ringer, x.ring)
	}
}

func (x *target) tryCall(p *phone, leg string) {
	x.do(x.tryRing(p, call.Originate{Leg: leg, RingLimit: time.Hour, Show: call.Shown{Number: "101"}}))
}

// fill writes the names of the dialogs into a text.
func (x *target) fill(text string) string {
	ours, rings := dialog.Tag(x.talker.inv.From()), dialog.Invite{}
	if l := x.stack.leg(x.ring); l != nil {
		l.mu.Lock()
		rings = l.invite
		l.mu.Unlock()
	}
	return strings.NewReplacer("\n", "\r\n", "CALL", x.talk, "OURS", ours, "THEIRS", x.talker.tag, "BRANCH", newTag(), "SEQ", strconv.Itoa(1000+x.n),
		"RINGTAG", rings.Tag, "RINGS", rings.Branch, "RINGID", x.ring).Replace(text)
}

// answers holds that the next one who asks is answered.
func (x *target) answers(c *net.UDPConn) {
	id := newTag()
	ask := strings.NewReplacer("METHOD", "OPTIONS", "SEQ", "1", "BRANCH", id, "Authorization: yes\n", "", "REST", rests[0]).Replace(inDialogs[1])
	ask = strings.ReplaceAll(ask, "\n", "\r\n")
	buf := make([]byte, 65536)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		_, _ = c.Write([]byte(ask))
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		for n, err := c.Read(buf); err == nil; n, err = c.Read(buf) {
			if strings.Contains(string(buf[:n]), id) && strings.HasPrefix(string(buf[:n]), "SIP/2.0 200") {
				return
			}
		}
	}
	x.house.t.Fatal("nobody answers any more")
}
