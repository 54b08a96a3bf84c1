package freeswitchtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"c2d/core/call/calltest"
)

// referred are the dialogues in which a phone transfers by itself.
func referred() []story {
	all := []story{{"referred, the third hangs up", func(d *dialogue) { d.refers(true) }}, {"referred, the other hangs up", func(d *dialogue) { d.refers(false) }},
		{"referred by the second", referredBySecond}, {"referred again", referredAgain}, {"referred by both", referredByBoth}, {"referred while it waits", referredWaiting},
		{"referred while recorded", referredRecorded}, {"referred by one who holds", referredHolding}, {"referred, then taken back", referredTakenBack}, {"referred when offered", referredOffered},
		{"attended", func(d *dialogue) { d.attends(true) }}, {"attended, and hung up at once", func(d *dialogue) { d.attends(false) }},
		{"attended while it rings", func(d *dialogue) { d.attendsEarly(true) }}, {"attended while it rings, in vain", func(d *dialogue) { d.attendsEarly(false) }},
		{"attended, both ours", attendedOurs}}
	for name, does := range map[string]calltest.Does{"busy": calltest.Busy, "rejects": calltest.Rejects, "unknown": calltest.Unknown, "offline": calltest.Offline} {
		all = append(all, story{"referred to nobody, " + name, func(d *dialogue) {
			a, _ := d.joined()
			d.refer("A", a, d.third("T", does))
		}})
	}
	return all
}

// third is a phone that is nobody's of ours.
func (d *dialogue) third(name string, does calltest.Does) calltest.Phone {
	d.t.Helper()
	p := d.Phone(d.t, does)
	d.names[p.Address()] = name
	return p
}

// refer lets a phone hand whom it talks with to a third.
func (d *dialogue) refer(name string, from, to calltest.Phone) {
	d.t.Helper()
	d.step(fmt.Sprintf("%s refers to %s", name, d.named(to.Address())), func() (string, error) {
		r := from.(calltest.Referrer)
		r.Refer(d.t, to.Address())
		return fmt.Sprint(r.Told(d.t)), nil
	})
}

// lifts lets the phone of a third answer, until it hears whom it was rung for.
func (d *dialogue) lifts(name string, p, with calltest.Phone) {
	d.t.Helper()
	d.untilRung(name, p)
	d.step(name+" lifts", func() (string, error) {
		p.Lift(d.t)
		p.Hears(d.t, with) // of two who are not ours nothing else tells
		return "", nil
	})
}

func (d *dialogue) untilRung(name string, p calltest.Phone) {
	d.t.Helper()
	for limit := time.Now().Add(patience); p.Idle(); d.wait() {
		if time.Now().After(limit) {
			d.t.Fatal(name, " never rings after\n", strings.Join(d.steps, ""))
		}
	}
}

// whence notes by what a channel was moved last.
func (d *dialogue) whence(name string) {
	d.t.Helper()
	d.step("uuid_dump "+name+", transfer_source", func() (string, error) {
		text, err := d.call("uuid_dump", name, "json")
		if err != nil {
			return "", err
		}
		var facts map[string]any
		if err := json.Unmarshal([]byte(text), &facts); err != nil {
			return "", err
		}
		source, _ := facts["variable_transfer_source"].(string)
		parts := strings.SplitN(source, ":", 4)
		if len(parts) < 4 {
			return "none", nil
		}
		if parts[2] == "uuid_br" {
			parts[3] = d.who(parts[3])
		}
		return parts[2] + " " + parts[3], nil
	})
}

// who names a channel of ours; every other is somebody's.
func (d *dialogue) who(id string) string {
	if name := d.named(id); name != id {
		return name
	}
	return "somebody"
}

// refers: A gives B to a third, whom the dialplan rings.
func (d *dialogue) refers(third bool) {
	a, b := d.joined()
	d.whence("B")
	t := d.third("T", calltest.Rings)
	d.refer("A", a, t)
	d.looks("B")
	d.whence("B")
	d.lifts("T", t, b)
	d.looks("B")
	if third {
		d.putsDown("T", t)
	} else {
		d.putsDown("B", b)
	}
}

func referredBySecond(d *dialogue) {
	a, b := d.joined()
	t := d.third("T", calltest.Rings)
	d.refer("B", b, t)
	d.looks("A")
	d.lifts("T", t, a)
	d.looks("A")
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
}

func referredAgain(d *dialogue) {
	a, b := d.joined()
	t, u := d.third("T", calltest.Rings), d.third("U", calltest.Rings)
	d.refer("A", a, t)
	d.lifts("T", t, b)
	d.refer("T", t, u)
	d.lifts("U", u, b)
	d.putsDown("U", u)
}

// referredByBoth: whoever talks then is nobody's of ours.
func referredByBoth(d *dialogue) {
	a, b := d.joined()
	t, u := d.third("T", calltest.Rings), d.third("U", calltest.Rings)
	d.refer("A", a, t)
	d.lifts("T", t, b)
	d.refer("B", b, u)
	d.lifts("U", u, t)
	d.putsDown("U", u)
}

func referredWaiting(d *dialogue) {
	a, _ := d.joined()
	d.api("uuid_transfer", "A", "-both", "park", "inline")
	d.whence("B")
	d.refer("A", a, d.third("T", calltest.Rings))
	d.api("uuid_bridge", "A", "B")
	d.api("uuid_kill", "A", "NORMAL_CLEARING")
}

func referredRecorded(d *dialogue) {
	a, _ := d.joined()
	d.records("start", "A")
	d.records("start", "B")
	d.refer("A", a, d.third("T", calltest.Rings))
	d.records("stop", "B")
	d.api("uuid_kill", "B", "NORMAL_CLEARING")
}

func referredHolding(d *dialogue) {
	a, b := d.joined()
	d.step("A holds", func() (string, error) { a.Hold(d.t, true); return "", nil })
	t := d.third("T", calltest.Rings)
	d.refer("A", a, t)
	d.lifts("T", t, b)
	d.api("uuid_kill", "B", "NORMAL_CLEARING")
}

// referredTakenBack: who has been given away, and talks, is taken from there.
func referredTakenBack(d *dialogue) {
	a, b := d.joined()
	t := d.third("T", calltest.Rings)
	d.refer("A", a, t)
	d.lifts("T", t, b)
	d.api("uuid_transfer", "B", "park", "inline")
	d.whence("B")
	d.putsDown("B", b)
}

func referredOffered(d *dialogue) {
	p, _ := d.dials()
	d.api("uuid_ring_ready", "X")
	d.api("uuid_answer", "X")
	d.api("uuid_transfer", "X", "park", "inline")
	b := d.answers("B")
	d.api("uuid_bridge", "X", "B")
	t := d.third("T", calltest.Rings)
	d.refer("B", b, t)
	d.lifts("T", t, p)
	d.whence("X")
	d.putsDown("X", p)
}

// consults lets A put its call aside and ring a third.
func (d *dialogue) consults() (a calltest.Referrer, b, t calltest.Phone) {
	d.t.Helper()
	x, b := d.joined()
	a, t = x.(calltest.Referrer), d.third("T", calltest.Rings)
	d.step("A sets its call aside and rings T", func() (string, error) { a.Consult(d.t, t.Address()); return "", nil })
	d.untilRung("T", t)
	return a, b, t
}

func (d *dialogue) attend(a calltest.Referrer, then func()) {
	d.t.Helper()
	d.step("A lets the two talk", func() (string, error) {
		a.Attend(d.t)
		then()
		return fmt.Sprint(a.Told(d.t)), nil
	})
}

func (d *dialogue) attends(stays bool) {
	a, _, t := d.consults()
	d.lifts("T", t, a)
	d.attend(a, func() {
		if !stays {
			a.Leave(d.t)
		}
	})
	d.looks("B")
	d.whence("B")
	d.putsDown("T", t)
}

func (d *dialogue) attendsEarly(answered bool) {
	a, b, t := d.consults()
	d.attend(a, func() {})
	d.looks("B")
	d.whence("B")
	if !answered {
		d.putsDown("T", t)
		return
	}
	d.lifts("T", t, b)
	d.looks("B")
	d.putsDown("T", t)
}

// attendedOurs: A and C are two channels of one phone.
func attendedOurs(d *dialogue) {
	x, _ := d.joined()
	a := x.(calltest.Referrer)
	d.step("A sets its call aside", func() (string, error) { a.SetAside(d.t); return "", nil })
	d.originate("C", a.Address(), waits)
	d.step("C lifts", func() (string, error) { a.Lift(d.t); return "", nil })
	other := d.answers("D")
	d.api("uuid_bridge", "C", "D")
	d.attend(a, func() {})
	d.happens("C is let go")
	d.looks("B")
	d.looks("D")
	d.putsDown("D", other)
}
