package sip

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// TestEachStoredFieldIsUsed blanks one field of the resume blobs after the other, starts the next process with what is
// left, and holds that somebody notices: what is stored and makes no difference is not needed, and what is needed has a
// test here.
func TestEachStoredFieldIsUsed(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts some hundred stacks: run without -short")
	}
	unused := fieldsOf(reflect.TypeFor[blob](), "")
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) { s.blank(t, unused) })
	}
	for _, field := range slices.Sorted(maps.Keys(unused)) {
		if why := needless[field]; why == "" {
			t.Errorf("%s is stored, and nobody notices when it is not", field)
		}
	}
}

// needless are the fields that the type has and a blob of that place never fills.
var needless = map[string]string{
	"dialog.remote.name": "what the other side calls itself is not kept: To has a URI alone",
	"invite.to.name":     "likewise",
	"early.local.name":   "as in dialog, which is the same type",
	"early.remote.name":  "likewise",
	"early.remote_seq":   "a phone sends nothing in an early dialog before the answer that we would keep",
}

// fieldsOf returns the paths of all that a type stores, by their JSON names.
func fieldsOf(t reflect.Type, path string) map[string]bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	all := map[string]bool{}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[netip.Addr]() {
		all[path] = true
		return all
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		maps.Copy(all, fieldsOf(f.Type, strings.TrimPrefix(path+"."+name, ".")))
	}
	return all
}

// without returns a blob without one field; false if it was not there, or said nothing.
func without(t *testing.T, raw []byte, field string) ([]byte, bool) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	there := drop(tree, strings.Split(field, "."))
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out, there
}

func drop(tree any, path []string) (there bool) {
	switch node := tree.(type) {
	case []any:
		for _, n := range node {
			there = drop(n, path) || there
		}
	case map[string]any:
		v, ok := node[path[0]]
		if len(path) > 1 {
			return drop(v, path[1:])
		}
		delete(node, path[0])
		return ok && v != nil && !reflect.ValueOf(v).IsZero()
	}
	return there
}

// story is a call that a process leaves behind, and what its phones then see of the next process.
type story struct {
	name   string
	change func(*Config)
	tell   func(*witness) // up to the end of the first process
	watch  func(*witness)
	prompt bool   // sessions are refreshed at once
	blob   string // the leg whose blob is given to Originate, if not to Start
}

// witness notes what is seen, and ends a telling that goes otherwise than the first.
type witness struct {
	*house
	a, b, c *phone
	cseq    int
	first   []string // what is seen when nothing is missing
	n       int
	sure    bool // first is complete
	raw     []byte
}

type otherwise struct{}

// blank tells the story with nothing missing, twice, and then without each field that nobody has noticed yet.
func (s story) blank(t *testing.T, unused map[string]bool) {
	w := &witness{house: newHouse(t, s.changed)}
	if s.prompt {
		w.stack.waits.takeUp, w.stack.waits.second = time.Millisecond, 2*time.Millisecond
	}
	w.start()
	w.a, w.b, w.c = w.phone("harry"), w.phone("mary"), w.phone("ida")
	s.tell(w)
	w.cseq = w.a.cseq
	open := w.left()
	if s.blob != "" {
		w.raw = w.sink.resume[s.blob]
	}
	for range 2 {
		if !s.again(w, open, w.raw) {
			t.Fatalf("the story differs by itself; first\n%s", strings.Join(w.first, "\n"))
		}
		w.sure = true
	}
	if s.blob != "" {
		for field := range unused {
			if raw, there := without(t, w.raw, field); there && !s.again(w, open, raw) {
				delete(unused, field)
			}
		}
		return
	}
	for i := range open {
		for field := range unused {
			less := slices.Clone(open)
			there := false
			if less[i].Resume, there = without(t, open[i].Resume, field); there && !s.again(w, less, nil) {
				delete(unused, field)
			}
		}
	}
}

func (s story) changed(c *Config) {
	if s.change != nil {
		s.change(c)
	}
}

// again lets the next process begin with the legs, and reports whether all is seen as the first time.
func (s story) again(w *witness, open []call.OpenLeg, raw []byte) (same bool) {
	w.n = 0
	w.sink = newSink()
	w.reborn(open, func() {
		for _, p := range []*phone{w.a, w.b, w.c} {
			p.cseq, p.seen = w.cseq, map[string]bool{}
			p.deaf()
		}
	})
	w.raw = raw
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(otherwise); !ok {
				panic(p)
			}
			same = false
		}
	}()
	s.watch(w)
	return !w.sure || w.n == len(w.first)
}

// deaf forgets what it was sent.
func (p *phone) deaf() {
	for {
		select {
		case <-p.in:
		default:
			return
		}
	}
}

var random = regexp.MustCompile(`(branch=)[0-9A-Za-z.]+`)

func (w *witness) note(what string) {
	if !w.sure {
		w.first = append(w.first, what)
	} else if w.n >= len(w.first) || w.first[w.n] != what {
		panic(otherwise{})
	}
	w.n++
}

// sees notes the next message at a phone, whole; nil when there is none, which the first telling does not forgive.
func (w *witness) sees(p *phone, exact ...bool) sip.Message {
	for {
		select {
		case m := <-p.in:
			if p.repeated(m) {
				continue
			}
			text := m.String()
			if len(exact) == 0 {
				text = random.ReplaceAllString(text, "$1")
			}
			w.note(p.name + " sees\n" + text)
			return m
		case <-time.After(w.patience()):
			w.lacks(p.name + " sees nothing")
		}
	}
}

func (w *witness) patience() time.Duration {
	if w.sure {
		return 500 * time.Millisecond
	}
	return limit
}

func (w *witness) lacks(what string) {
	if !w.sure {
		w.t.Fatalf("%s\n%s\n%s", what, strings.Join(w.first, "\n"), w.drawn())
	}
	panic(otherwise{})
}

// tells notes the next event of a leg, but for what becomes of its audio.
func (w *witness) tells(leg string) {
	end := time.Now().Add(w.patience())
	for time.Now().Before(end) {
		if ev, ok := w.sink.take(leg); ok && ev.Kind != call.EvMedia { // comes when it comes
			w.note(fmt.Sprint(leg, " tells ", ev.Kind, ev.Cause, ev.Text))
			return
		}
		select {
		case <-w.sink.news:
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.lacks(leg + " tells nothing")
}

// hears notes the first sound that a phone gets while others speak, packet by packet.
func (w *witness) hears(p *phone, speak func(seq uint16)) {
	buf, end := make([]byte, 2048), time.Now().Add(w.patience())
	for seq := uint16(1); time.Now().Before(end); {
		speak(seq)
		seq++
		_ = p.ear.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for n, err := p.ear.Read(buf); err == nil; n, err = p.ear.Read(buf) {
			if n > 19 && buf[19] >= 0x60 && buf[19] < 0x70 { // what phones say; tones are none of it
				w.note(fmt.Sprintf("%s hears %x of type %d", p.name, buf[19], buf[1]&0x7f))
				return
			}
		}
	}
	w.lacks(p.name + " hears nothing")
}

// request sees a request.
func (w *witness) request(p *phone) *sip.Request {
	r, ok := w.sees(p).(*sip.Request)
	if !ok {
		w.lacks(p.name + " sees no request")
	}
	return r
}

// over ends the call from a phone, and from us.
func (w *witness) over() {
	w.b.within("BYE", nil)
	w.sees(w.b)
	w.tells("leg-b")
	w.do(w.stack.HangUp(w.t.Context(), "leg-a", call.Completed))
	bye := w.request(w.a)
	w.a.reply(bye, 200, nil)
	w.tells("leg-a")
}

func stories() []story {
	relay := func(c *Config) { c.Relay = true }
	return []story{
		{name: "direct", tell: direct, watch: watchDirect, prompt: true},
		{name: "refreshed by the phone", tell: refreshing, watch: watchRefreshing, prompt: true},
		{name: "relayed and held", change: relay, tell: relayed, watch: watchRelayed},
		{name: "held by us", tell: waiting, watch: watchWaiting},
		{name: "recorded", change: relay, tell: recorded, watch: watchRecorded},
		{name: "ringing", tell: left, watch: watchLeft},
		{name: "ringing behind a NAT", tell: leftBehind, watch: watchLeft},
		{name: "prepared", tell: prepared, watch: watchPrepared, blob: "leg-b"},
	}
}

const private = "Contact: <sip:harry@127.0.0.9:5070>"

const ours = "Session-Expires: 90;refresher=uac"

// direct: harry is behind a NAT and takes UPDATE, mary is reached through a proxy and does not.
func direct(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Contact = "sip:harry@127.0.0.9:5070"
	w.reg.mu.Unlock()
	w.b.rtp = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), w.b.rtp.Port())
	w.answers(w.a, "leg-a", "", private, ours, allows)
	w.answers(w.b, "leg-b", "leg-a", "Record-Route: <sip:"+w.b.conn.LocalAddr().String()+";lr>", ours)
	w.do(w.stack.Join(w.t.Context(), "leg-a", "leg-b"))
	w.accepts(w.a, private, ours, allows)
	w.accepts(w.b, ours)
	w.expect("leg-a", call.EvJoined, call.EvMedia)
	w.a.codecs = append(sdp.DefaultCodecs(), sdp.Codec{PT: 96, Name: "opus", Rate: 48000, Channels: 2})
	w.b.codecs = w.a.codecs
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendRecv), private)
	w.accepts(w.b, ours)
	w.a.ackOf(w.a.passes("200"))
	w.a.within("UPDATE", nil, private, "Supported: timer", "Session-Expires: 120;refresher=uas") // so that its CSeq is stored
	w.a.passes("200")
}

// answers brings a phone into a leg, with more headers in its 200.
func (w *witness) answers(p *phone, leg, joinTo string, extra ...string) {
	w.t.Helper()
	w.ring(p, leg, joinTo)
	inv := p.rings()
	p.reply(inv, 200, p.answer(inv), extra...)
	p.passes("ACK")
	w.expect(leg, call.EvAnswered)
}

// accepts answers an INVITE inside the dialog.
func (w *witness) accepts(p *phone, extra ...string) {
	inv := p.request("INVITE")
	p.reply(inv, 200, p.answer(inv), extra...)
	p.request("ACK")
}

func watchDirect(w *witness) {
	up := w.request(w.a)
	w.a.reply(up, 200, nil, private, ours, allows)
	inv := w.request(w.b)
	w.b.reply(inv, 200, w.b.answer(inv), ours)
	w.sees(w.b)
	w.a.send(w.a.inside("UPDATE", w.cseq, nil)) // was used before
	w.sees(w.a)
	w.a.within("INVITE", nil, private)
	ok := w.sees(w.a)
	w.a.ackOf(ok, w.a.answerTo(ok)...)
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.stack.leg("leg-a").described().Codecs, sdp.SendOnly), private)
	hold := w.request(w.b)
	w.b.reply(hold, 200, w.b.answer(hold), ours)
	w.sees(w.b)
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.over()
}

// answerTo answers an offer in a response.
func (p *phone) answerTo(ok sip.Message) []byte {
	d, err := sdp.Parse(ok.Body())
	if err != nil || d.Audio == nil {
		return nil
	}
	return p.sdp.Answer(d, p.rtp, sdp.Common(d.Audio.Codecs, p.codecs), sdp.SendRecv)
}

// refreshing: the phone refreshes, and stops.
func refreshing(w *witness) {
	w.answers(w.a, "leg-a", "", "Session-Expires: 90;refresher=uas", "Require: timer")
}

func watchRefreshing(w *witness) {
	w.a.reply(w.request(w.a), 200, nil)
	w.tells("leg-a")
}

// relayed: harry holds mary.
func relayed(w *witness) {
	w.a.codecs = []sdp.Codec{{PT: 8, Name: "PCMA", Rate: 8000, Channels: 1}, {PT: 96, Name: "telephone-event", Rate: 8000, Channels: 1}}
	w.talking(w.a, w.b)
	w.join()
	w.media("relay")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendOnly))
	w.a.ackOf(w.a.passes("200"))
	w.expect("leg-a", call.EvHeld)
}

func watchRelayed(w *witness) {
	toA, toB := w.stack.leg("leg-a"), w.stack.leg("leg-b")
	if toA == nil || toB == nil || toA.ep == nil || toB.ep == nil {
		w.lacks("no anchors")
	}
	portA, portB := toA.ep.Addr(), toB.ep.Addr()
	w.note(fmt.Sprint("anchors at ", portA, portB))
	w.hears(w.b, func(seq uint16) {
		w.b.says(portB, seq, 0x61) // harry does not listen
		w.a.says(portA, seq, 0x62)
	})
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendRecv))
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.hears(w.a, func(seq uint16) { w.b.says(portB, 1000+seq, 0x63) })
	w.over()
}

// waiting: we hold mary for harry.
func waiting(w *witness) {
	w.house.direct(w.a, w.b)
	w.do(w.stack.Hold(w.t.Context(), "leg-a", true))
	w.a.redirected()
	w.b.redirected()
	w.eventually("both are stored as held", func() bool { return w.blob("leg-a").Holds && w.blob("leg-b").Waits })
}

func watchWaiting(w *witness) {
	for _, p := range []*phone{w.a, w.b} {
		inv := w.request(p)
		p.reply(inv, 200, p.answer(inv))
		w.sees(p)
	}
	w.b.within("INVITE", w.b.sdp.Offer(w.b.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	w.b.ackOf(w.sees(w.b))
	w.tells("leg-b")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, sdp.DefaultCodecs(), sdp.SendRecv)) // what we hold stays held
	w.a.ackOf(w.sees(w.a))
	w.over()
}

// left: harry's phone rings.
func left(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Path = []string{"<sip:" + w.a.conn.LocalAddr().String() + ";lr>"}
	w.reg.mu.Unlock()
	w.ring(w.a, "leg-a", "")
	inv := w.a.invited()
	w.a.reply(inv, 180, nil, "Record-Route: <sip:"+w.a.conn.LocalAddr().String()+";lr>", "Contact: <sip:harry@127.0.0.9:5070>")
	w.expect("leg-a", call.EvRinging)
}

// leftBehind: it names another address than the one that it registered from.
func leftBehind(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Contact = "sip:harry@127.0.0.9:5070"
	w.reg.mu.Unlock()
	w.ring(w.a, "leg-a", "")
	w.a.reply(w.a.invited(), 180, nil, private)
	w.expect("leg-a", call.EvRinging)
}

func watchLeft(w *witness) {
	cancel, ok := w.sees(w.a, true).(*sip.Request)
	if !ok {
		w.lacks("no CANCEL")
	}
	w.tells("leg-a")
	w.a.reply(cancel, 481, nil)
	w.a.reply(w.request(w.a), 200, nil)
}

// prepared: a call of ida's that goes on to mary is stored, and not sent yet.
func prepared(w *witness) {
	w.c.codecs = []sdp.Codec{{PT: 0, Name: "PCMU", Rate: 8000, Channels: 1}}
	w.c.calls("mary", w.c.sdp.Offer(w.c.rtp, w.c.codecs, sdp.SendRecv), proof)
	w.c.passes("100")
	leg, _ := w.offered()
	w.do(w.stack.Answer(w.t.Context(), leg))
	ok := w.c.passes("200")
	w.c.follows(ok, "ACK", nil)
	w.expect(leg, call.EvAnswered)
	w.reg.mu.Lock()
	w.reg.bindings[w.b.aor][0].Path = []string{"<sip:" + w.b.conn.LocalAddr().String() + ";lr>"}
	w.reg.mu.Unlock()
	raw, err := w.stack.Prepare(w.t.Context(), w.originate(leg))
	w.do(err)
	w.sink.resume["leg-b"] = raw
	w.c.tag = leg // where watch finds it
}

func (w *witness) originate(joinTo string) call.Originate {
	return call.Originate{Leg: "leg-b", JoinTo: joinTo, RingLimit: limit, Show: call.Shown{Name: "Ida", Number: "102"}, Way: w.way(w.b)}
}

func watchPrepared(w *witness) {
	if w.stack.Originate(w.t.Context(), w.originate(w.c.tag), w.raw) != nil {
		w.lacks("not sent")
	}
	inv, ok := w.sees(w.b, true).(*sip.Request)
	if !ok {
		w.lacks("no INVITE")
	}
	w.b.reply(inv, 486, nil)
	w.sees(w.b)
	w.tells("leg-b")
}
