package sim

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

// ear is a sink that writes down what it is told, and when.
type ear struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	last  map[string]call.LegEvent // by leg
}

func (e *ear) Leg(ev call.LegEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	line := fmt.Sprintf("%v %s %s", time.Since(e.start), ev.Leg, ev.Kind)
	switch {
	case ev.Kind == call.EvEnded:
		line += " " + string(ev.Cause.Reason)
	case ev.Peer != "":
		line += " " + ev.Peer
	case ev.Digit != 0:
		line += " " + string(ev.Digit)
	}
	e.lines = append(e.lines, line)
	e.last[ev.Leg] = ev
}

func (e *ear) Link(name string, up bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, fmt.Sprintf("%v %s up=%v", time.Since(e.start), name, up))
}

// heard returns and forgets the lines so far.
func (e *ear) heard() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := e.lines
	e.lines = nil
	return lines
}

func (e *ear) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := e.heard(); !slices.Equal(got, want) {
		t.Errorf("heard\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// story runs f in a bubble with a started simulator, and stops it in the end.
func story(t *testing.T, cfg Config, f func(t *testing.T, b *Backend, e *ear)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Name = "sandbox"
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		b := New(cfg, func() string { return "offered" })
		e := &ear{start: time.Now(), last: map[string]call.LegEvent{}}
		must(t, b.Start(t.Context(), e, nil))
		f(t, b, e)
		must(t, b.Stop(t.Context()))
		must(t, b.Stop(t.Context()))
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ring(t *testing.T, b *Backend, leg, number string) {
	t.Helper()
	o := call.Originate{Leg: leg, Way: call.Way{Backend: "sandbox", Address: number}, RingLimit: 30 * time.Second, TalkLimit: 5 * time.Hour}
	if leg == "a" {
		o.TalkLimit = 4 * time.Hour
	}
	resume, err := b.Prepare(t.Context(), o)
	must(t, err)
	must(t, b.Originate(t.Context(), o, resume))
}

// talk rings two phones, and joins them 1.05 s and 10 ms later.
func talk(t *testing.T, b *Backend, e *ear, first, second string) {
	t.Helper()
	ring(t, b, "a", first)
	ring(t, b, "b", second)
	time.Sleep(1050 * time.Millisecond)
	synctest.Wait()
	must(t, b.Join(t.Context(), "a", "b"))
	time.Sleep(joining)
	if got := e.heard(); len(got) == 0 || got[len(got)-1] != "1.06s a joined b" {
		t.Fatalf("not joined: %q", got)
	}
}

func TestTable(t *testing.T) {
	cases := map[string][]string{
		"8000":       {"0s l trying", "50ms l ringing", "1.05s l answered"},
		"8001":       {"0s l trying", "200ms l ended busy"},
		"8002":       {"0s l trying", "50ms l ringing", "2.05s l ended rejected"},
		"8003":       {"0s l trying", "50ms l ringing", "30s l ended no_answer"},
		"8004":       {"0s l trying", "200ms l ended unreachable"},
		"8006":       {"0s l trying", "500ms l early_media", "2.5s l answered"},
		"8007":       {"0s l trying", "200ms l ended congestion"},
		"8008":       {"0s l trying", "200ms l ended invalid_number"},
		"8009":       {"0s l trying", "50ms l ringing", "1.05s l answered", "1.15s l ended completed"},
		"8010":       {"0s l trying", "50ms l ringing", "3.05s l ended unreachable"},
		"8011":       {"0s l trying", "0s l forwarded", "50ms l ringing", "2.05s l answered"},
		"8012":       {"30s l ended unreachable"},
		"8015":       {"0s l trying", "50ms l ringing", "1.05s l ended backend_failed"},
		"8016":       {"0s l trying", "50ms l ringing", "10.05s l answered"},
		"harry":      {"0s l trying", "50ms l ringing", "1.05s l answered"},
		"sip:01@x01": {"0s l trying", "200ms l ended busy"},
		"tel:+8602":  {"0s l trying", "50ms l ringing", "2.05s l ended rejected"},
	}
	for number, want := range cases {
		t.Run(number, func(t *testing.T) {
			story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
				ring(t, b, "l", number)
				time.Sleep(time.Minute)
				e.expect(t, want...)
			})
		})
	}
}

// TestTableIsWhole holds doc.go and the table together.
func TestTableIsWhole(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	for i, e := range table() {
		if want := fmt.Sprintf("%02d", i); e.ending != want {
			t.Errorf("%s ends in %s, want %s", e.name, e.ending, want)
		}
		if line := fmt.Sprintf("//\t%s       %-12s ", e.ending, e.name); !strings.Contains(string(doc), line) {
			t.Errorf("doc.go has no line %q", line)
		}
	}
}

func TestOnlyProvenSilenceIsNotRung(t *testing.T) {
	for _, e := range table() {
		rang := false
		for _, s := range e.does.Ring {
			rang = rang || s.Tell == call.EvRinging || s.Tell == call.EvEarlyMedia
			if s.Cause.NotRung && rang {
				t.Errorf("%s: rang, and says that it did not", e.name)
			}
		}
	}
}

func TestLocate(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, _ *ear) {
		for number, want := range map[string]int{"8000": 1, "8004": 0} {
			ways, err := b.Locate(t.Context(), call.Way{Backend: "sandbox", Address: number})
			must(t, err)
			if len(ways) != want {
				t.Errorf("%s: %d ways, want %d", number, len(ways), want)
			}
		}
	})
}

func TestTalkAndHangUp(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8000")
		legs, err := b.Snapshot(t.Context())
		must(t, err)
		if len(legs) != 2 || legs[0].JoinedTo == "" || legs[0].State != call.LegAnswered {
			t.Errorf("snapshot: %+v", legs)
		}
		must(t, b.HangUp(t.Context(), "a", call.Completed))
		must(t, b.HangUp(t.Context(), "a", call.Completed))
		time.Sleep(time.Second)
		e.expect(t, "1.08s a ended completed", "1.08s b parted a")
		must(t, b.HangUp(t.Context(), "a", call.Completed))
		must(t, b.HangUp(t.Context(), "b", call.Completed))
		time.Sleep(time.Second)
		e.expect(t, "2.08s b ended completed")
		if legs, _ := b.Snapshot(t.Context()); len(legs) != 0 {
			t.Errorf("left over: %+v", legs)
		}
	})
}

func TestDrops(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8005")
		time.Sleep(10 * time.Second)
		e.expect(t, "6.06s b ended completed", "6.06s a parted b")
	})
}

func TestJoinFails(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		ring(t, b, "a", "8000")
		ring(t, b, "b", "8014")
		ring(t, b, "c", "8003")
		time.Sleep(2 * time.Second)
		e.heard()
		for _, second := range []string{"b", "c", "gone", "a"} {
			must(t, b.Join(t.Context(), "a", second))
			time.Sleep(time.Second)
		}
		must(t, b.Join(t.Context(), "gone", "a"))
		time.Sleep(time.Second)
		e.expect(t, "2.01s a join_failed b", "3.01s a join_failed c", "4.01s a join_failed gone", "5.01s a join_failed a")
	})
}

func TestHangUpOfARingingPhone(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		ring(t, b, "l", "8000")
		time.Sleep(500 * time.Millisecond)
		must(t, b.HangUp(t.Context(), "l", call.Cancelled))
		time.Sleep(time.Minute)
		e.expect(t, "0s l trying", "50ms l ringing", "520ms l ended cancelled")
	})
}

func TestKeys(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8013")
		must(t, b.AskKey(t.Context(), "a"))
		time.Sleep(5 * time.Second)
		must(t, b.AskKey(t.Context(), "b"))
		must(t, b.Tell(t.Context(), "gone", call.Busy))
		time.Sleep(5 * time.Second)
		e.expect(t, "2.06s a dtmf 1", "3.06s a prompt_done", "8.06s b prompt_done")
		must(t, b.Tell(t.Context(), "a", call.Busy))
		must(t, b.Press("b", '7'))
		time.Sleep(10 * time.Second)
		e.expect(t, "11.06s b dtmf 7", "13.06s a prompt_done")
	})
}

func TestPromptEndsWithItsLeg(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8000")
		must(t, b.AskKey(t.Context(), "a"))
		must(t, b.PutDown("a"))
		time.Sleep(10 * time.Second)
		e.expect(t, "1.08s a ended completed", "1.08s b parted a")
	})
}

func TestLimits(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8000")
		time.Sleep(6 * time.Hour)
		e.expect(t, "4h0m1.05s a ended max_duration", "4h0m1.05s b parted a", "5h0m1.05s b ended max_duration")
	})
}

func TestSpeedAndNumbers(t *testing.T) {
	cfg := Config{Speed: 10, Numbers: map[string]string{"harry": "busy", "1234": "rejects", "34": "busy"}}
	story(t, cfg, func(t *testing.T, b *Backend, e *ear) {
		ring(t, b, "h", "sip:harry@x")
		time.Sleep(time.Second)
		ring(t, b, "n", "+861234")
		time.Sleep(time.Second)
		ring(t, b, "m", "+8634")
		time.Sleep(time.Second)
		e.expect(t, "0s h trying", "20ms h ended busy", "1s n trying", "1.005s n ringing", "1.205s n ended rejected", "2s m trying", "2.02s m ended busy")
	})
}

// TestScript tells what a disordered phone system tells: twice, and after the end.
func TestScript(t *testing.T) {
	late := Behaviour{Ring: []Step{
		{Tell: call.EvRinging}, {Tell: call.EvRinging}, {After: time.Second, Tell: call.EvAnswered, Late: true},
		{After: time.Second, Tell: call.EvTrying}, {Tell: call.EvEnded, Late: true, Cause: call.Cause{Reason: call.Lost}},
	}}
	story(t, Config{Scripts: map[string]Behaviour{"late": late}}, func(t *testing.T, b *Backend, e *ear) {
		ring(t, b, "l", "late")
		time.Sleep(500 * time.Millisecond)
		must(t, b.HangUp(t.Context(), "l", call.Cancelled))
		time.Sleep(time.Minute)
		e.expect(t, "0s l ringing", "0s l ringing", "520ms l ended cancelled", "1s l answered", "2s l ended lost")
	})
}

func TestOffered(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		for _, end := range []func() error{
			func() error { return b.Refuse(t.Context(), "offered", call.Busy) },
			func() error { return b.GiveBack(t.Context(), "offered") },
			func() error { return b.PutDown("offered") },
			func() error { return b.HangUp(t.Context(), "offered", call.Cancelled) },
		} {
			if _, err := b.Offer("harry", "8001"); err != nil {
				t.Fatal(err)
			}
			must(t, b.Ring(t.Context(), "offered"))
			synctest.Wait()
			must(t, end())
			time.Sleep(time.Second)
		}
		e.expect(t, "0s offered offered", "20ms offered ended busy", "1s offered offered", "1.02s offered ended invalid_number",
			"2s offered offered", "2.02s offered ended rejected", "3s offered offered", "3.02s offered ended cancelled")
		_, err := b.Offer("harry", "8001")
		must(t, err)
		must(t, b.Answer(t.Context(), "offered"))
		time.Sleep(time.Second)
		must(t, b.Answer(t.Context(), "offered"))
		time.Sleep(time.Second)
		e.expect(t, "4s offered offered", "4s offered answered")
		if ev := e.last["offered"]; ev.Kind != call.EvAnswered {
			t.Errorf("last: %+v", ev)
		}
	})
}

func TestLostAndRestored(t *testing.T) {
	story(t, Config{}, func(t *testing.T, b *Backend, e *ear) {
		talk(t, b, e, "8000", "8005")
		b.Lose()
		b.Lose()
		ctx := t.Context()
		for name, err := range map[string]error{"health": b.Health(ctx), "hang up": b.HangUp(ctx, "a", call.Completed), "join": b.Join(ctx, "a", "b"),
			"originate": b.Originate(ctx, call.Originate{Leg: "c"}, nil), "tell": b.Tell(ctx, "a", call.Busy), "key": b.AskKey(ctx, "a")} {
			if !fault.Is(err, fault.CodeBackendUnavailable) {
				t.Errorf("%s while lost: %v", name, err)
			}
		}
		time.Sleep(time.Minute)
		b.Restore()
		e.expect(t, "1.06s sandbox up=false", "1m1.06s sandbox up=true")
		legs, err := b.Snapshot(ctx)
		must(t, err)
		if len(legs) != 1 || legs[0].Leg != "a" || legs[0].JoinedTo != "" {
			t.Errorf("snapshot: %+v", legs)
		}
	})
}

func TestRestart(t *testing.T) {
	open := []call.OpenLeg{
		{Leg: "a", Way: call.Way{Address: "8000"}, State: call.LegAnswered, JoinedTo: "b"},
		{Leg: "b", Way: call.Way{Address: "8005"}, State: call.LegAnswered, JoinedTo: "a"},
		{Leg: "c", Way: call.Way{Address: "8000"}, State: call.LegRinging},
	}
	cases := map[string][]string{
		"":     {"0s a ended lost", "0s b ended lost", "0s c ended lost"},
		"keep": {"0s c ended lost", "5s a parted b", "5s b ended completed"},
	}
	for restart, want := range cases {
		t.Run("restart="+restart, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(Config{Name: "sandbox", Restart: restart}, nil)
				e := &ear{start: time.Now(), last: map[string]call.LegEvent{}}
				must(t, b.Start(t.Context(), e, open))
				time.Sleep(time.Minute)
				got := e.heard()
				got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "0s") && strings.Contains(s, "parted") })
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("heard %q, want %q", got, want)
				}
				must(t, b.Stop(t.Context()))
			})
		})
	}
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Name: "sandbox"}, nil)
		e := &ear{start: time.Now(), last: map[string]call.LegEvent{}}
		must(t, b.Start(t.Context(), e, nil))
		talk(t, b, e, "8000", "8005")
		ring(t, b, "c", "8003")
		time.Sleep(time.Second)
		e.heard()
		must(t, b.Stop(t.Context()))
		time.Sleep(time.Minute)
		e.expect(t, "2.06s c ended cancelled")
		if err := b.Health(context.Background()); !fault.Is(err, fault.CodeBackendUnavailable) {
			t.Errorf("health after stop: %v", err)
		}
	})
}

func TestPrepareRefusesWhatCannotBeDialled(t *testing.T) {
	b := New(Config{}, nil)
	for _, bad := range []string{"", "80\r\n00", "80 00", `8"0`, "<8000>", "8\x00"} {
		_, err := b.Prepare(t.Context(), call.Originate{Way: call.Way{Address: bad}})
		if !fault.Is(err, fault.CodeInvalidNumber) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestValidate(t *testing.T) {
	err := Config{Speed: -1, Restart: "maybe", Numbers: map[string]string{"": "busy", "7": "sulks"}}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"(name)", "(speed)", "(restart)", `(numbers[""])`, `(numbers["7"])`} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not among:\n%v", field, err)
		}
	}
	must(t, Config{Name: "x", Kind: "sim", Numbers: map[string]string{"7": "busy"}}.Validate())
}
