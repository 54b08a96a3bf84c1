package freeswitch

import (
	"testing"
	"time"

	"c2d/adapters/sip/handset"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// Limits of TestWeNeverComeBack: every state is reached within the first, so that nothing ends before we do.
const (
	ringLimit = 15 * time.Second
	talkLimit = 8 * time.Second
	slack     = 6 * time.Second // whole seconds here and there, and a machine that is busy
)

// Our process is killed with legs in every state, and never comes back: FreeSWITCH ends each of them by itself, those that talk not
// before their time.
func TestWeNeverComeBack(t *testing.T) {
	t.Parallel()
	p := starts(t, newWards(t))
	began := time.Now()
	left := map[string][]string{} // channels, by state
	for _, s := range p.states() {
		left[s.name] = s.bring()
	}
	if took := time.Since(began); took > ringLimit {
		t.Fatal("the machine is too busy: the first state may be over by itself, after", took)
	}
	defer func() {
		if t.Failed() {
			t.Log("left:", left)
		}
	}()
	for state, channels := range left {
		for _, c := range channels {
			if !p.there(c) {
				t.Errorf("%s: %s is gone before we are", state, c)
			}
		}
	}
	p.Crash(t)
	for _, then := range p.after {
		then()
	}
	pbx.Eventually(t, ringLimit+talkLimit+slack, "FreeSWITCH has ended every channel", func() bool {
		for state, channels := range left {
			left[state] = p.still(channels)
			if len(left[state]) == 0 {
				delete(left, state)
			}
		}
		if talked := time.Since(p.talking); talked < ringLimit+talkLimit-slack/2 && len(left[afterEarly]) != 2 {
			t.Fatal("who talks was cut after", talked)
		}
		return len(left) == 0
	})
}

// hand is a process of ours that is told by hand what to do.
type hand struct {
	*ward
	b       call.Backend
	t       *testing.T
	told    chan call.LegEvent
	talking time.Time // when the callee answered who was heard before
	after   []func()  // what happens once it is killed
}

// Leg implements [call.Sink].
func (h *hand) Leg(ev call.LegEvent) { h.told <- ev }

// Link implements [call.Sink].
func (*hand) Link(string, bool) {}

func starts(t *testing.T, w *wards) *hand {
	t.Helper()
	h := &hand{ward: &ward{wards: w, deaf: true}, t: t, told: make(chan call.LegEvent, 1000)}
	h.b = h.Open(t)
	if err := h.b.Start(t.Context(), h, nil); err != nil {
		t.Fatal(err)
	}
	return h
}

const afterEarly = "they talk after early media"

// state is one to bring legs to; bring returns their channels.
type state struct {
	name  string
	bring func() []string
}

func (h *hand) states() []state {
	return []state{
		{"the caller rings", func() []string { a, _ := h.rings(calltest.Rings, "", call.EvRinging); return []string{a} }},
		{"the callee rings", func() []string {
			a, _ := h.rings(calltest.Answers, "", call.EvAnswered)
			h.does(h.b.RingBack(h.t.Context(), a, true))
			b, _ := h.rings(calltest.Rings, a, call.EvRinging)
			return []string{a, b}
		}},
		{"early media is heard", func() []string { a, b, _ := h.early(); return []string{a, b} }},
		{"early media waits", func() []string { b, _ := h.rings(calltest.Early, "of-nobody", call.EvEarlyMedia); return []string{b} }},
		{"who was heard refuses", func() []string {
			a, b, y := h.early()
			h.after = append(h.after, func() { y.PutDown(h.t) })
			return []string{a, b}
		}},
		{"they talk", func() []string { a, b := h.talk(); return []string{a, b} }},
		{afterEarly, func() []string {
			a, b, y := h.early()
			y.Lift(h.t)
			h.until(b, call.EvAnswered)
			h.talking = time.Now()
			h.joins(a, b)
			return []string{a, b}
		}},
		{"held", func() []string { return h.holds(h.talk()) }},
		{"parted", func() []string { return h.parts(h.talk()) }},
		{"left by who handed it on", func() []string {
			a, b := h.talk()
			h.does(h.b.HangUp(h.t.Context(), a, call.Transferred))
			h.until(a, call.EvEnded)
			return []string{b}
		}},
		{"offered", func() []string { x := h.dials(); return []string{x.Handle} }},
		{"offered, and talks", func() []string { x, b := h.dialled(); return []string{x.Handle, b} }},
		{"offered, and held", func() []string { x, b := h.dialled(); h.holds(x.Leg, b); return []string{x.Handle, b} }},
		{"offered, and alone", func() []string {
			x, b := h.dialled()
			h.parts(x.Leg, b)
			h.does(h.b.HangUp(h.t.Context(), b, call.Completed))
			h.until(b, call.EvEnded)
			return []string{x.Handle}
		}},
	}
}

func (h *hand) does(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// until waits for something of a leg; what else is told is passed over.
func (h *hand) until(leg string, kind call.LegEventKind) call.LegEvent {
	h.t.Helper()
	for limit := time.After(patience); ; {
		select {
		case ev := <-h.told:
			if (ev.Leg == leg || leg == "") && ev.Kind == kind {
				return ev
			}
		case <-limit:
			h.t.Fatalf("%s is never told of %s", kind, leg)
		}
	}
}

// rings rings a phone until something is told of it.
func (h *hand) rings(does calltest.Does, joinTo string, until call.LegEventKind) (leg string, p *handset.Handset) {
	h.t.Helper()
	p = h.Phone(h.t, does).(*handset.Handset)
	leg = identity.Origin{Installation: "suite", Node: "n1"}.LegID()
	h.does(h.b.Originate(h.t.Context(), call.Originate{Leg: leg, Way: call.Way{Address: p.Address()}, JoinTo: joinTo, RingLimit: ringLimit, TalkLimit: talkLimit}, nil))
	h.until(leg, until)
	return leg, p
}

// early is a caller who hears a phone that has not answered.
func (h *hand) early() (a, b string, y *handset.Handset) {
	h.t.Helper()
	a, x := h.rings(calltest.Answers, "", call.EvAnswered)
	b, y = h.rings(calltest.Early, a, call.EvEarlyMedia)
	pbx.Eventually(h.t, patience, "the two are bridged: "+x.Name, func() bool { return h.getvar(a, "bridge_uuid") == b })
	return a, b, y
}

func (h *hand) talk() (a, b string) {
	h.t.Helper()
	a, _ = h.rings(calltest.Answers, "", call.EvAnswered)
	b, _ = h.rings(calltest.Answers, a, call.EvAnswered)
	h.joins(a, b)
	return a, b
}

func (h *hand) joins(a, b string) {
	h.t.Helper()
	h.does(h.b.Join(h.t.Context(), a, b))
	h.until(a, call.EvJoined)
}

func (h *hand) holds(a, b string) []string {
	h.t.Helper()
	h.does(h.b.(call.Holder).Hold(h.t.Context(), a, true))
	h.until(a, call.EvHeld)
	return []string{a, b}
}

func (h *hand) parts(a, b string) []string {
	h.t.Helper()
	h.does(h.b.(call.Parter).Part(h.t.Context(), a))
	return []string{a, b}
}

// dials is a call that the dialplan hands us.
func (h *hand) dials() call.LegEvent {
	h.t.Helper()
	h.Phone(h.t, calltest.Rings).Dial(h.t, "101")
	x := h.until("", call.EvOffered)
	h.does(h.b.Ring(h.t.Context(), x.Leg))
	return x
}

// dialled is one who has dialled and talks.
func (h *hand) dialled() (x call.LegEvent, b string) {
	h.t.Helper()
	x = h.dials()
	b, _ = h.rings(calltest.Answers, x.Leg, call.EvAnswered)
	h.does(h.b.Answer(h.t.Context(), x.Leg))
	h.until(x.Leg, call.EvAnswered)
	h.joins(x.Leg, b)
	return x, b
}

func (h *hand) there(channel string) bool {
	return h.exists(h.t, channel)
}

func (h *hand) getvar(channel, name string) string {
	return h.freeswitch.Console(h.t, "uuid_getvar "+channel+" "+name)
}

func (h *hand) still(channels []string) (left []string) {
	for _, c := range channels {
		if h.there(c) {
			left = append(left, c)
		}
	}
	return left
}

// Keys that are pressed on a phone that has dialled are told, also after the connection was lost.
func TestKeysOfWhoDialled(t *testing.T) {
	t.Parallel()
	h := starts(t, newWards(t))
	p := h.Phone(t, calltest.Rings)
	p.Dial(t, "101")
	x := h.until("", call.EvOffered)
	h.does(h.b.Answer(t.Context(), x.Leg))
	h.until(x.Leg, call.EvAnswered)
	for range 2 {
		p.Press(t, "7")
		if ev := h.until(x.Leg, call.EvDTMF); ev.Digit != '7' {
			t.Errorf("%+v", ev)
		}
		h.Lose()
		pbx.Eventually(t, patience, "the connection is lost", func() bool { return h.b.Health(t.Context()) != nil })
		h.Restore()
		pbx.Eventually(t, patience, "it is there again", func() bool { return h.b.Health(t.Context()) == nil })
	}
	p.PutDown(t)
	h.until(x.Leg, call.EvEnded)
}
