package freeswitchtest

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call/calltest"
)

//go:embed testdata
var recorded embed.FS

// Partner is a FreeSWITCH to speak dialogues with, real or not.
type Partner struct {
	Open   func(t *testing.T) Place // for one dialogue
	Record string                   // folder into which the dialogues are written; empty compares them with those that were
}

// Place is a FreeSWITCH and what is around it.
type Place struct {
	Socket client.Config
	Door   *client.Door // where its dialplan hands calls over
	Phone  func(*testing.T, calltest.Does) calltest.Phone
	Folder string // for recordings
}

// Dialogues speaks every dialogue, each as a subtest. A dialogue is what was ordered, what was answered, and then the events that
// came of it, channel by channel: their order among channels is not the same every time at a real FreeSWITCH.
func Dialogues(t *testing.T, p Partner, around func(*testing.T, func(*testing.T))) {
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) { around(t, func(t *testing.T) { p.speak(t, s) }) })
	}
}

// dialogue is one that is being spoken.
type dialogue struct {
	Partner
	Place
	t      *testing.T
	conn   *client.Conn
	prefix string            // of ids, so that no two dialogues with one FreeSWITCH share one
	names  map[string]string // of channels that the dialplan has handed over, by id
	handed chan *client.Handed
	events chan client.Event
	late   bool // what is waited for comes later than at once
	steps  []string
	want   []string // steps as they were recorded
}

func file(name string) string { return strings.NewReplacer(", ", ".", " ", "-").Replace(name) + ".txt" }

func (p Partner) speak(t *testing.T, s story) {
	text, err := recorded.ReadFile("testdata/" + file(s.name))
	if err != nil && p.Record == "" {
		t.Fatal(err)
	}
	d := &dialogue{Partner: p, Place: p.Open(t), t: t, prefix: strings.TrimSuffix(file(s.name), ".txt") + "-", names: map[string]string{},
		handed: make(chan *client.Handed, 1), events: make(chan client.Event, 1000), want: strings.SplitAfter(string(text), "\n\n")}
	defer d.listen()()
	s.tell(d)
	got := strings.Join(d.steps, "")
	if p.Record != "" {
		if err := os.WriteFile(filepath.Join(p.Record, file(s.name)), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(text) {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

var wanted = []string{"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
	"CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "DTMF", "BACKGROUND_JOB", "RECORD_START", "RECORD_STOP"}

const (
	patience = 10 * time.Second
	quiet    = 700 * time.Millisecond // after which nothing more is said, while recording
)

// listen connects, until it is told to stop.
func (d *dialogue) listen() (stop func()) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	conn, err := client.Dial(ctx, d.Socket)
	if err != nil {
		d.t.Fatal(err)
	}
	d.conn = conn
	var work sync.WaitGroup
	work.Go(func() { _ = conn.Serve(d.hear) })
	work.Go(func() { d.Door.Serve(func(h *client.Handed) { d.handed <- h }) })
	of := "^" + d.prefix
	if err := conn.Subscribe(ctx, wanted, []client.Match{{Header: "Unique-ID", Of: of}, {Header: "Job-UUID", Of: of}, {Header: "variable_c2d_leg", Of: of}}); err != nil {
		d.t.Fatal(err)
	}
	return func() { conn.Close(); d.Door.Close(); work.Wait() }
}

// hear keeps an event. That the socket application lets a channel wait may be told before the channel has the variable by which its
// events come to us, or after.
func (d *dialogue) hear(e client.Event) {
	if e.Name != "CHANNEL_PARK" || e.Get("Answer-State") != "ringing" {
		d.events <- e
	}
}

// step does something and notes what comes of it.
func (d *dialogue) step(what string, act func() (string, error)) {
	d.t.Helper()
	answer, err := act()
	if err != nil {
		answer = err.Error()
	}
	if answer != "" {
		answer = " -> " + d.named(answer)
	}
	told := d.told()
	slices.SortStableFunc(told, func(a, b client.Event) int { return strings.Compare(d.subject(a), d.subject(b)) })
	var text strings.Builder
	text.WriteString("> " + strings.TrimSpace(what) + answer + "\n")
	for _, e := range told {
		text.WriteString("    < " + d.subject(e) + ": " + d.says(e) + "\n")
	}
	d.steps = append(d.steps, text.String()+"\n")
}

// told waits for as many events as were recorded of this step, or for silence.
func (d *dialogue) told() (told []client.Event) {
	most, limit := 1000, quiet
	if d.late {
		limit = patience
	}
	if d.Record == "" {
		most, limit = 0, patience
		if n := len(d.steps); n < len(d.want) {
			most = strings.Count(d.want[n], "    <")
		}
	}
	for len(told) < most {
		select {
		case e := <-d.events:
			told = append(told, e)
		case <-time.After(limit):
			return told
		}
		if d.Record != "" {
			limit = quiet
		}
	}
	return told
}

// named takes ids of this run from a text.
func (d *dialogue) named(text string) string {
	for id, name := range d.names {
		text = strings.ReplaceAll(text, id, name)
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, d.prefix, ""), d.Folder, ""))
}

// subject is whom an event is about.
func (d *dialogue) subject(e client.Event) string {
	if id := e.Get("Job-UUID"); id != "" {
		return "job " + d.named(id)
	}
	if first := e.Get("Bridge-A-Unique-ID"); first != "" { // its end is told before that of either, or after
		return "bridge of " + d.who(first) + " and " + d.who(e.Get("Bridge-B-Unique-ID"))
	}
	return d.named(e.Get("Unique-ID"))
}

// says is an event in a few words: what an adapter may lean on.
func (d *dialogue) says(e client.Event) string {
	switch e.Name {
	case "BACKGROUND_JOB":
		return d.named(e.Body)
	case "DTMF":
		return fmt.Sprintf("%s %s by %s", e.Name, e.Get("DTMF-Digit"), e.Get("DTMF-Source"))
	case "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "RECORD_START", "RECORD_STOP":
		return e.Name
	case "CHANNEL_HANGUP":
		return e.Name + " " + e.Get("Hangup-Cause")
	case "CHANNEL_HANGUP_COMPLETE":
		sip := cmp.Or(e.Var("proto_specific_hangup_cause"), "-")
		return fmt.Sprintf("%s %s %s %s %s%s", e.Name, e.Get("Hangup-Cause"), e.Var("hangup_cause_q850"), sip, e.Var("sip_hangup_disposition"), transferred(e))
	}
	return fmt.Sprintf("%s %s %s %s", e.Name, e.Get("Answer-State"), e.Get("Channel-Call-State"), e.Get("Channel-State"))
}

// transferred is what a channel's end says of a transfer by its phone. Who waited for a third that rang has inherited it from another
// channel: the one variable always, the other perhaps.
func transferred(e client.Event) (text string) {
	how, _, to := strings.Cut(e.Var("transfer_to"), ":")
	if did := e.Var("endpoint_disposition"); strings.Contains(did, "TRANSFER") && how != "satt" {
		text = " " + did
	}
	if to {
		text += " transfer_to " + how
	}
	return text
}

// wait lets others get on.
func (d *dialogue) wait() { <-time.After(time.Millisecond) }
