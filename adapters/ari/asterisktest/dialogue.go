package asterisktest

import (
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

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call/calltest"
)

//go:embed testdata
var recorded embed.FS

// Partner is an Asterisk to speak dialogues with, real or not.
type Partner struct {
	Open   func(t *testing.T) (*client.Client, func(*testing.T, calltest.Does) calltest.Phone) // an Asterisk and its phones, for one dialogue
	Local  bool                                                                                // phones are reached through the dialplan
	Record string                                                                              // folder into which the dialogues are written; empty compares them with those that were
}

// Dialogues speaks every dialogue, each as a subtest. A dialogue is what was asked, what was answered, and then, sorted, the
// events that came of it: their order among channels is not the same every time at a real Asterisk.
func Dialogues(t *testing.T, p Partner, around func(*testing.T, func(*testing.T))) {
	for _, s := range stories() {
		name := s.name + ", direct"
		if p.Local {
			name = s.name + ", dialplan"
		}
		t.Run(name, func(t *testing.T) { around(t, func(t *testing.T) { p.speak(t, name, s.tell) }) })
	}
}

// dialogue is one that is being spoken.
type dialogue struct {
	Partner
	t      *testing.T
	api    *client.Client
	phones func(*testing.T, calltest.Does) calltest.Phone
	prefix string // of ids, so that no two dialogues with one Asterisk share one
	mu     sync.Mutex
	names  map[string]string // of phones, by address; guarded by mu, since phones are added while events come
	events chan string
	steps  []string
	want   []string // steps as they were recorded
}

const stasis = "dialogue"

// file is where a dialogue is kept.
func file(name string) string { return strings.NewReplacer(", ", ".", " ", "-").Replace(name) + ".txt" }

func (p Partner) speak(t *testing.T, name string, tell func(*dialogue)) {
	d := &dialogue{Partner: p, t: t, prefix: strings.ReplaceAll(file(name), ".", "-") + "-", names: map[string]string{}, events: make(chan string, 1000)}
	text, err := recorded.ReadFile("testdata/" + file(name))
	if err != nil && p.Record == "" {
		t.Fatal(err)
	}
	d.api, d.phones = p.Open(t)
	d.want = strings.SplitAfter(string(text), "\n\n")
	defer d.listen()()
	tell(d)
	got := strings.Join(d.steps, "")
	if p.Record != "" {
		if err := os.WriteFile(filepath.Join(p.Record, file(name)), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(text) {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

var types = []string{"StasisStart", "StasisEnd", "ChannelStateChange", "ChannelDestroyed", "ChannelHangupRequest", "Dial", "ChannelDtmfReceived", "ChannelHold", "ChannelUnhold",
	"ChannelEnteredBridge", "ChannelLeftBridge", "PlaybackFinished"}

// listen connects both applications, until it is told to stop.
func (d *dialogue) listen() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, apps := make(chan struct{}), []string{stasis, "c2d"}
	var work sync.WaitGroup
	work.Go(func() {
		_ = d.api.Listen(ctx, apps, client.Watch{Every: time.Minute, Answer: patience}, func(ctx context.Context) error {
			defer close(ready)
			for _, a := range apps {
				if err := d.api.Filter(ctx, a, types); err != nil {
					d.t.Error(err)
				}
			}
			return nil
		}, func(e client.Event) { d.events <- strings.TrimSpace(d.says(e)) })
	})
	select {
	case <-ready:
	case <-time.After(patience):
		d.t.Error("not connected")
	}
	return func() { cancel(); work.Wait(); d.api.Close() }
}

const (
	patience = 10 * time.Second
	quiet    = 700 * time.Millisecond // after which nothing more is said, while recording
)

// step does something and notes what comes of it.
func (d *dialogue) step(what string, act func() error) {
	d.t.Helper()
	answer := ""
	if err := act(); err != nil {
		answer = " -> " + err.Error()
	}
	told := d.told()
	slices.Sort(told)
	d.steps = append(d.steps, "> "+what+answer+"\n"+strings.Join(told, "")+"\n")
}

// told waits for as many events as were recorded of this step, or for silence.
func (d *dialogue) told() (told []string) {
	most, limit := 1000, quiet
	if d.Record == "" {
		most, limit = 0, patience
		if n := len(d.steps); n < len(d.want) {
			most = strings.Count(d.want[n], "    <")
		}
	}
	for len(told) < most {
		select {
		case e := <-d.events:
			told = append(told, "    < "+e+"\n")
		case <-time.After(limit):
			return told
		}
	}
	return told
}

// name is who a channel is in the dialogue.
func (d *dialogue) name(c ari.ChannelData) string {
	if name, ours := strings.CutPrefix(c.ID, d.prefix); ours {
		return name
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "PJSIP/"), "-")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[number]
}

// says is an event in a few words.
func (d *dialogue) says(ev client.Event) string {
	said := ev.GetType() + " to " + ev.GetApplication() + ": "
	switch e := ev.Event.(type) {
	case *ari.Dial:
		caller := ""
		if e.Caller.ID != "" {
			caller = d.name(e.Caller) + " dials "
		}
		return said + caller + d.name(e.Peer) + fmt.Sprintf(" %q", e.Dialstatus)
	case *ari.StasisStart:
		return said + d.name(e.Channel) + " " + e.Channel.State + " " + strings.Join(e.Args, ",")
	case *ari.StasisEnd:
		return said + d.name(e.Channel)
	case *ari.ChannelStateChange:
		return said + d.name(e.Channel) + " " + e.Channel.State
	case *ari.ChannelHangupRequest:
		return said + d.name(e.Channel) + fmt.Sprintf(" cause %d sip %d", e.Cause, ev.TechCause)
	case *ari.ChannelDtmfReceived:
		return said + d.name(e.Channel) + " " + e.Digit
	case *ari.ChannelHold:
		return said + d.name(e.Channel) + " " + e.Musicclass
	case *ari.ChannelUnhold:
		return said + d.name(e.Channel)
	case *ari.ChannelEnteredBridge:
		return said + d.name(e.Channel) + fmt.Sprintf(", then %d", len(e.Bridge.ChannelIDs))
	case *ari.ChannelLeftBridge:
		return said + d.name(e.Channel)
	case *ari.PlaybackFinished:
		return said + strings.TrimPrefix(e.Playback.ID, d.prefix)
	case *ari.ChannelDestroyed:
		return said + d.name(e.Channel) + fmt.Sprintf(" cause %d sip %d", e.Cause, ev.TechCause)
	}
	return said
}
