package client

import (
	"reflect"
	"testing"

	"github.com/CyCoreSystems/ari/v5"
)

// samples are small events as Asterisk 22 sends them, one of each type that is asked for.
var samples = []string{
	`{"type":"StasisStart","application":"c2d","timestamp":"2026-11-24T08:00:00.000+0000","args":["dial","101"],"channel":{"id":"x","name":"PJSIP/101-00000001","state":"Up","creationtime":"2026-11-24T08:00:00.000+0000","caller":{"name":"","number":"101"}}}`,
	`{"type":"StasisEnd","application":"c2d","channel":{"id":"x","name":"PJSIP/101-00000001","state":"Up"}}`,
	`{"type":"ChannelStateChange","application":"c2d","channel":{"id":"x","state":"Ringing","protocol_id":"abc@h"}}`,
	`{"type":"ChannelDestroyed","application":"c2d","cause":17,"cause_txt":"User busy","tech_cause":486,"channel":{"id":"x","state":"Ringing"}}`,
	`{"type":"ChannelHangupRequest","application":"c2d","cause":17,"tech_cause":486,"channel":{"id":"x"}}`,
	`{"type":"ChannelHangupRequest","application":"c2d","soft":true,"cause":32,"channel":{"id":"x"}}`,
	`{"type":"Dial","application":"c2d","dialstatus":"RINGING","dialstring":"101","forward":"","peer":{"id":"x","state":"Down"}}`,
	`{"type":"ChannelDtmfReceived","application":"c2d","digit":"#","duration_ms":100,"channel":{"id":"x"}}`,
	`{"type":"ChannelHold","application":"c2d","channel":{"id":"x"}}`,
	`{"type":"ChannelUnhold","application":"c2d","channel":{"id":"x"}}`,
	`{"type":"ChannelEnteredBridge","application":"c2d","bridge":{"id":"br","bridge_type":"mixing","channels":["x","y"]},"channel":{"id":"y"}}`,
	`{"type":"PlaybackFinished","application":"c2d","playback":{"id":"p","media_uri":"tone:busy","state":"done","target_uri":"channel:x"}}`,
	`{"type":"ApplicationReplaced","application":"c2d"}`,
	`{"type":"ChannelTransfer","application":"c2d","refer_to":{"requested_destination":{"destination":"102","additional_protocol_params":[]}},"referred_by":{"source_channel":{"id":"x"}}}`,
	`{"type":"ChannelTransfer","application":"c2d","refer_to":{"requested_destination":{"protocol_id":"q"},"destination_channel":{"id":"z"}},"referred_by":{"source_channel":{"id":"x"}}}`,
	`{"type":"ChannelTransfer","application":"c2d","state":"channel_progress","refer_to":{"requested_destination":{"destination":"102"}},"referred_by":{"source_channel":{"id":"x"}}}`,
}

// TestDecode is every type that is asked for.
func TestDecode(t *testing.T) {
	var all []Event
	for _, raw := range samples {
		ev, err := Decode([]byte(raw))
		if err != nil {
			t.Fatal(raw, err)
		}
		if ev.GetApplication() != "c2d" {
			t.Error(raw)
		}
		all = append(all, ev)
	}
	if e, ok := all[0].Event.(*ari.StasisStart); !ok || e.Channel.Name != "PJSIP/101-00000001" || len(e.Args) != 2 || e.Args[1] != "101" {
		t.Errorf("%+v", all[0].Event)
	}
	if e, ok := all[3].Event.(*ari.ChannelDestroyed); !ok || e.Cause != 17 || all[3].TechCause != 486 {
		t.Errorf("%+v %d", all[3].Event, all[3].TechCause)
	}
	if e, ok := all[5].Event.(*ari.ChannelHangupRequest); !ok || e.Cause != 32 || all[5].TechCause != 0 {
		t.Errorf("%+v", all[5].Event)
	}
	if e, ok := all[10].Event.(*ari.ChannelEnteredBridge); !ok || len(e.Bridge.ChannelIDs) != 2 {
		t.Errorf("%+v", all[10].Event)
	}
	if !all[12].Replaced() || all[0].Replaced() || (Event{}).Replaced() {
		t.Error("who was replaced is not known")
	}
	if x := all[13].Transfer; x == nil || *x != (Transfer{Channel: "x", Exten: "102"}) || all[13].GetType() != "ChannelTransfer" {
		t.Errorf("%+v", x)
	}
	if x := all[14].Transfer; x == nil || *x != (Transfer{Channel: "x", Attended: true, Other: "z"}) {
		t.Errorf("%+v", x)
	}
	if x := all[15].Transfer; x != nil {
		t.Errorf("news of a transfer is taken for one: %+v", x)
	}
}

// TestFields: what is read of an event is what the library reads of it.
func TestFields(t *testing.T) {
	fields := func(e ari.Event) []any {
		switch e := e.(type) {
		case *ari.StasisStart:
			return []any{e.Channel.ID, e.Channel.Name, e.Channel.State, e.Args}
		case *ari.StasisEnd:
			return []any{e.Channel.ID, e.Channel.Name, e.Channel.State}
		case *ari.Dial:
			return []any{e.Peer.ID, e.Peer.Name, e.Peer.State, e.Caller.ID, e.Dialstatus, e.Forward}
		case *ari.ChannelStateChange:
			return []any{e.Channel.ID, e.Channel.State}
		case *ari.ChannelHangupRequest:
			return []any{e.Channel.ID, e.Cause}
		case *ari.ChannelDestroyed:
			return []any{e.Channel.ID, e.Cause}
		case *ari.ChannelDtmfReceived:
			return []any{e.Channel.ID, e.Digit}
		case *ari.ChannelHold:
			return []any{e.Channel.ID}
		case *ari.ChannelUnhold:
			return []any{e.Channel.ID}
		case *ari.ChannelEnteredBridge:
			return []any{e.Channel.ID, e.Bridge.ID, e.Bridge.ChannelIDs}
		case *ari.PlaybackFinished:
			return []any{e.Playback.ID}
		}
		return nil
	}
	for _, raw := range append(samples, `{"type":"Dial","application":"c2d","dialstatus":"","forward":"Local/9@x","peer":{"id":"x","name":"PJSIP/1-1","state":"Down"},"caller":{"id":"y"}}`) {
		is, err := Decode([]byte(raw))
		if err != nil {
			t.Fatal(raw, err)
		}
		want, err := ari.DecodeEvent([]byte(raw))
		if err != nil {
			continue // only this package knows it
		}
		if reflect.TypeOf(is.Event) != reflect.TypeOf(want) || is.GetType() != want.GetType() || !reflect.DeepEqual(fields(is.Event), fields(want)) {
			t.Errorf("%s\n%+v\n%+v", raw, is.Event, want)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range samples {
			_, _ = Decode([]byte(raw))
		}
	}
}

// FuzzDecode: whatever comes, it is an event that can be looked at, or an error; never the end of the process.
func FuzzDecode(f *testing.F) {
	for _, raw := range samples {
		f.Add([]byte(raw))
	}
	for _, raw := range []string{"", "null", "{}", `{"type":"ChannelTransfer"}`, `{"type":"ChannelDestroyed"}`, `{"type":"Dial","tech_cause":"486"}`, `{"type":"RESTResponse"}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ev, err := Decode(raw)
		if err != nil {
			if ev.Event != nil || ev.Transfer != nil {
				t.Errorf("%v beside %+v", err, ev)
			}
			return
		}
		if ev.Event == nil || ev.GetType() == "" {
			t.Fatalf("no event of %q", raw)
		}
		_, _, _ = ev.Keys(), ev.GetApplication(), ev.Replaced()
	})
}
