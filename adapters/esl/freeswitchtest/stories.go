package freeswitchtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call/calltest"
)

// story is one dialogue.
type story struct {
	name string
	tell func(*dialogue)
}

// stories are all of them.
func stories() []story {
	all := []story{{"two talk", func(d *dialogue) { d.talk(true) }}, {"two talk, the second hangs up", func(d *dialogue) { d.talk(false) }}, {"early media", earlyMedia},
		{"early media, then refused", earlyRefused}, {"early media, then for too long", earlyTooLong}, {"early media, then answered", earlyAnswered}, {"given up", givenUp}, {"held and keys", heldAndKeys}, {"put aside", putAside}, {"recorded", isRecorded}, {"recorded, then over", isRecordedThenOver}, {"one that survives", survivor},
		{"bridged while it rings", bridgedRinging}, {"the same id twice", sameID}, {"nothing there", nothingThere}, {"hung up for a reason", reasons},
		{"offered and answered", offered}, {"offered, keys", offeredKeys}, {"offered, for too long", offeredTooLong}, {"offered and given up", offeredGivenUp}, {"offered and given back", offeredGivenBack}}
	all = append(all, referred()...)
	for name, does := range map[string]calltest.Does{"busy": calltest.Busy, "unknown": calltest.Unknown, "congested": calltest.Congested, "redirects": calltest.Redirects, "offline": calltest.Offline, "rejects": calltest.Rejects} {
		all = append(all, story{name, func(d *dialogue) { d.originate("A", d.Phone(d.t, does).Address()) }})
	}
	return all
}

// api gives a command whose words are names of channels and others.
func (d *dialogue) api(name string, words ...string) {
	d.t.Helper()
	d.step(name+" "+strings.Join(words, " "), func() (string, error) { return d.call(name, words...) })
}

func (d *dialogue) call(name string, words ...string) (string, error) {
	full := make([]string, len(words))
	for i, w := range words {
		full[i] = d.id(w)
	}
	return d.conn.Call(d.t.Context(), name, full...)
}

// id is that of a channel by its name; every other word is itself.
func (d *dialogue) id(word string) string {
	for id, name := range d.names {
		if name == word {
			return id
		}
	}
	if len(word) == 1 && word[0] >= 'A' && word[0] <= 'D' {
		return d.prefix + word
	}
	return word
}

func (d *dialogue) originate(name, number string, more ...string) {
	d.t.Helper()
	id := d.id(name)
	variables := strings.Join(append([]string{"origination_uuid=" + id, "originate_timeout=30", "outbound_redirect_fatal=true"}, more...), ",")
	d.step("originate "+name+" "+strings.Join(more, " "), func() (string, error) {
		return "", d.conn.Start(d.t.Context(), id, "originate", "{"+variables+"}user/"+number, "&park()")
	})
}

const waits = "ignore_early_media=true" // for the answer

// answers is a channel whose phone has rung and answered.
func (d *dialogue) answers(name string) calltest.Phone {
	d.t.Helper()
	p := d.Phone(d.t, calltest.Rings)
	d.originate(name, p.Address(), waits)
	d.step(name+" lifts", func() (string, error) { p.Lift(d.t); return "", nil })
	return p
}

func (d *dialogue) putsDown(name string, p calltest.Phone) {
	d.t.Helper()
	d.step(name+" puts down", func() (string, error) { p.PutDown(d.t); return "", nil })
}

// looks notes what is known of a channel.
func (d *dialogue) looks(name string) {
	d.t.Helper()
	d.step("uuid_dump "+name, func() (string, error) {
		text, err := d.call("uuid_dump", name, "json")
		if err != nil {
			return "", err
		}
		var facts map[string]any
		if err := json.Unmarshal([]byte(text), &facts); err != nil {
			return "", err
		}
		var all []string
		for _, fact := range []string{"Answer-State", "Channel-Call-State", "Channel-State"} {
			all = append(all, fmt.Sprint(facts[fact]))
		}
		return strings.Join(all, " "), nil
	})
}

const tone = "tone_stream://%(1000,4000,450);loops=-1"

func (d *dialogue) talk(first bool) {
	a := d.answers("A")
	d.api("uuid_broadcast", "A", tone, "aleg")
	d.looks("A")
	b := d.answers("B")
	d.api("uuid_break", "A", "all")
	d.api("uuid_bridge", "A", "B")
	d.looks("A")
	d.looks("B")
	if first {
		d.putsDown("A", a)
	} else {
		d.putsDown("B", b)
	}
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
}

func earlyMedia(d *dialogue) {
	d.answers("A")
	d.originate("B", d.Phone(d.t, calltest.Early).Address())
	d.looks("B")
	d.api("uuid_setvar", "A", "park_after_early_bridge", "true")
	d.api("uuid_bridge", "A", "B")
	d.api("uuid_kill", "B", "NO_ANSWER")
	d.api("uuid_broadcast", "A", tone, "aleg")
	d.api("uuid_kill", "A", "USER_BUSY")
}

// earlyRefused: neither variable but the one for early media keeps the first of two.
func earlyRefused(d *dialogue) {
	d.answers("A")
	b := d.Phone(d.t, calltest.Early)
	d.originate("B", b.Address())
	d.api("uuid_setvar", "A", "park_after_bridge", "true")
	d.api("uuid_bridge", "A", "B")
	d.putsDown("B", b)
}

// earlyTooLong: an originate has no limit any more once media came, but that of the channel.
func earlyTooLong(d *dialogue) {
	d.originate("B", d.Phone(d.t, calltest.Early).Address(), `api_on_pre_answer=sched_hangup\s+3\s`+d.id("B")+`\sNO_ANSWER`, "originate_timeout=1")
	d.happens("B rings for too long")
	d.api("uuid_kill", "B", "NORMAL_CLEARING")
}

// earlyAnswered: what was to happen to a channel is taken back, and done in the order in which it stands there.
func earlyAnswered(d *dialogue) {
	id := d.id("B")
	b := d.Phone(d.t, calltest.Early)
	d.originate("B", b.Address(), `api_on_pre_answer=sched_hangup\s+3\s`+id+`\sNO_ANSWER`, `api_on_answer=sched_del\s`+id, `api_on_answer_then=sched_hangup\s+4\s`+id+`\sALLOTTED_TIMEOUT`)
	d.step("B lifts", func() (string, error) { b.Lift(d.t); return "", nil })
	d.happens("B talks for too long")
}

// happens waits for what comes of itself.
func (d *dialogue) happens(what string) {
	d.t.Helper()
	d.late = true
	d.step(what, func() (string, error) { return "", nil })
	d.late = false
}

func givenUp(d *dialogue) {
	d.answers("A")
	d.originate("B", d.Phone(d.t, calltest.Rings).Address())
	d.looks("B")
	d.originate("C", d.Phone(d.t, calltest.Silent).Address())
	d.looks("C")
	d.api("uuid_kill", "B", "ORIGINATOR_CANCEL")
	d.api("uuid_kill", "C", "PICKED_OFF")
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
}

// joined are two who talk.
func (d *dialogue) joined() (a, b calltest.Phone) {
	d.t.Helper()
	a, b = d.answers("A"), d.answers("B")
	d.api("uuid_bridge", "A", "B")
	return a, b
}

func heldAndKeys(d *dialogue) {
	a, b := d.joined()
	d.step("A presses 5", func() (string, error) { a.Press(d.t, "5"); return "", nil })
	d.api("uuid_send_dtmf", "B", "12")
	for _, on := range []bool{true, false} {
		d.step(fmt.Sprint("A holds ", on), func() (string, error) { a.Hold(d.t, on); return "", nil })
	}
	d.putsDown("B", b)
}

const beep = "tone_stream://%(100,14900,1400);loops=-1"

// records gives an order to the recording of a channel, in a file of its own.
func (d *dialogue) records(what, name string) {
	d.t.Helper()
	d.step("uuid_record "+name+" "+what, func() (string, error) { return d.call("uuid_record", name, what, d.Folder+"/"+d.prefix+name+".wav") })
}

func isRecorded(d *dialogue) {
	d.joined()
	d.api("uuid_displace", "A", "start", beep, "0", "mux")
	d.api("uuid_setvar", "A", "RECORD_STEREO", "true")
	for _, what := range []string{"start", "start", "mask", "unmask", "stop", "stop", "mask"} {
		d.records(what, "A")
	}
	d.api("uuid_displace", "A", "stop", beep)
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
	d.records("start", "A")
}

// isRecordedThenOver: a recording outlives its channels being taken apart, and ends with its channel.
func isRecordedThenOver(d *dialogue) {
	a, _ := d.joined()
	d.records("start", "A")
	d.api("uuid_transfer", "A", "-both", "park", "inline")
	d.api("uuid_bridge", "A", "B")
	d.putsDown("A", a)
}

func putAside(d *dialogue) {
	d.joined()
	d.api("uuid_transfer", "B", "-both", "park", "inline")
	d.looks("A")
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
	c := d.answers("C")
	d.api("uuid_bridge", "B", "C")
	d.putsDown("C", c)
}

func survivor(d *dialogue) {
	d.joined()
	d.api("uuid_setvar", "A", "park_after_bridge", "true")
	d.api("uuid_kill", "B", "NORMAL_CLEARING")
	d.looks("A")
	d.api("uuid_setvar", "A", "park_after_bridge")
	d.api("uuid_kill", "A", "nonsense")
}

func bridgedRinging(d *dialogue) {
	d.answers("A")
	d.originate("B", d.Phone(d.t, calltest.Rings).Address())
	d.api("uuid_bridge", "A", "B")
}

func sameID(d *dialogue) {
	d.answers("A")
	d.originate("A", d.Phone(d.t, calltest.Rings).Address())
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
}

func nothingThere(d *dialogue) {
	for _, words := range [][]string{
		{"uuid_kill", "A", "NORMAL_CLEARING"}, {"uuid_dump", "A", "json"}, {"uuid_setvar", "A", "x", "y"}, {"uuid_transfer", "A", "park", "inline"}, {"uuid_bridge", "A", "B"},
		{"uuid_broadcast", "A", tone, "aleg"}, {"uuid_break", "A", "all"}, {"uuid_hold", "A"}, {"uuid_send_dtmf", "A", "1"}, {"uuid_answer", "A"}, {"uuid_ring_ready", "A"},
		{"echo", "c2d"}, {"module_exists", "mod_sofia"}, {"no_such_command", "A"},
	} {
		d.api(words[0], words[1:]...)
	}
	d.step("originate with one word", func() (string, error) { return "", d.conn.Start(d.t.Context(), d.prefix+"A", "originate", "x") })
	d.originate("A", "nobody")
	d.step("originate to nowhere", func() (string, error) {
		return "", d.conn.Start(d.t.Context(), d.prefix+"A", "originate", "foo/1", "&park()")
	})
}

// reasons are the causes that we give.
func reasons(d *dialogue) {
	for _, cause := range []string{"USER_BUSY", "CALL_REJECTED", "NO_ANSWER", "NO_USER_RESPONSE", "UNALLOCATED_NUMBER", "NORMAL_CIRCUIT_CONGESTION", "INCOMPATIBLE_DESTINATION", "NETWORK_OUT_OF_ORDER", "ALLOTTED_TIMEOUT", "PICKED_OFF"} {
		d.answers("A")
		d.api("uuid_kill", "A", cause)
	}
}

// dials is a call that a phone's owner dials, and that is handed over.
func (d *dialogue) dials() (calltest.Phone, *client.Handed) {
	d.t.Helper()
	p := d.Phone(d.t, calltest.Rings)
	p.Dial(d.t, "101")
	select {
	case h := <-d.handed:
		d.names[h.Channel] = "X"
		d.api("uuid_setvar", "X", "c2d_leg", d.prefix+"X")
		d.looks("X")
		return p, h
	case <-time.After(patience):
		d.t.Fatal("no call is handed over")
		return nil, nil
	}
}

func offered(d *dialogue) {
	p, _ := d.dials()
	d.api("uuid_ring_ready", "X")
	d.api("uuid_answer", "X")
	d.api("uuid_transfer", "X", "park", "inline")
	d.looks("X")
	b := d.answers("B")
	d.api("uuid_bridge", "X", "B")
	d.putsDown("B", b)
	d.putsDown("X", p)
}

// offeredKeys: of keys nothing is told by which a channel could be known, but its id. Whom it is bridged to hears the first, so that it
// was pressed before the filter is there.
func offeredKeys(d *dialogue) {
	p, _ := d.dials()
	d.api("uuid_ring_ready", "X")
	d.api("uuid_answer", "X")
	d.api("uuid_transfer", "X", "park", "inline")
	b := d.answers("B")
	d.api("uuid_bridge", "X", "B")
	p.Hears(d.t, b)
	d.step("X presses 1", func() (string, error) { p.Press(d.t, "1"); b.HearsKeys(d.t, "1"); return "", nil })
	is := client.Match{Header: "Unique-ID", Is: d.id("X")}
	d.step("filter X", func() (string, error) { return "", d.conn.Pass(d.t.Context(), is) })
	d.step("X presses 2", func() (string, error) { p.Press(d.t, "2"); return "", nil })
	d.step("filter delete X", func() (string, error) { return "", d.conn.PassNoMore(d.t.Context(), is) })
	d.putsDown("X", p)
}

func offeredTooLong(d *dialogue) {
	d.dials()
	d.api("uuid_ring_ready", "X")
	d.api("uuid_answer", "X")
	d.api("uuid_transfer", "X", "sched_hangup:+3,park", "inline")
	d.happens("X waits for too long")
}

func offeredGivenUp(d *dialogue) {
	p, _ := d.dials()
	d.putsDown("X", p)
}

func offeredGivenBack(d *dialogue) {
	_, h := d.dials()
	d.step("give X back", func() (string, error) { h.Close(); return "", nil })
}
