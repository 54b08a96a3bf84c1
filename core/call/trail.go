package call

import (
	"strconv"
	"strings"

	"c2d/core/audit"
	"c2d/core/event"
)

// trail tells what changed between two versions of a call, for the event log. It holds ids and reasons only.
func trail(prev, next Call) audit.Trail {
	var t audit.Trail
	add := func(k event.Kind, data map[string]string) {
		t.Events = append(t.Events, event.Event{Tenant: next.Tenant, Kind: k, Subject: next.ID, UserID: next.Caller.UserID,
			Version: next.Version, At: next.UpdatedAt, Data: data})
	}
	state := map[string]string{"state": string(next.State)}
	if prev.ID == "" {
		add(event.CallCreated, state)
	}
	for _, s := range []Side{CallerSide, CalleeSide} {
		if !rang(prev, s) && rang(next, s) {
			add(event.CallRinging, map[string]string{"party": string(s), "state": string(next.State)})
		}
	}
	if prev.CallerAnsweredAt.IsZero() && !next.CallerAnsweredAt.IsZero() {
		add(event.CallAnswered, map[string]string{"party": string(CallerSide), "state": string(next.State)})
	}
	if prev.CalleeAnsweredAt.IsZero() && !next.CalleeAnsweredAt.IsZero() {
		add(event.CallAnswered, map[string]string{"party": string(CalleeSide), "state": string(next.State)})
	}
	if prev.State != Connected && next.State == Connected {
		add(event.CallConnected, state)
	}
	for i, r := range next.Recordings {
		if told, known := stateOf(prev, i), recordTold[r.State]; known && told != r.State {
			add(event.CallRecording, map[string]string{"state": string(next.State), "recording": r.ID, "recording_state": string(r.State)})
		}
	}
	if prev.State != Ended && next.State == Ended {
		add(event.CallEnded, endData(next))
	}
	if len(t.Events) == 0 { // whoever waits for a newer version is woken by each
		add(event.CallChanged, state)
	}
	return t
}

// recordTold are the states of a recording that are told.
var recordTold = map[RecordState]bool{RecordRunning: true, RecordEnded: true, RecordFailed: true}

func stateOf(c Call, i int) RecordState {
	if i < len(c.Recordings) {
		return c.Recordings[i].State
	}
	return ""
}

func endData(c Call) map[string]string {
	e := c.End
	d := map[string]string{"state": string(Ended), "reason": string(e.Reason), "by": string(e.By), "backend": c.Backend,
		"backends": strings.Join(c.backends(), ",")}
	if e.Side != NoSide {
		d["side"] = string(e.Side)
	}
	if e.SIP != 0 {
		d["sip"] = strconv.Itoa(e.SIP)
	}
	if e.Q850 != 0 {
		d["q850"] = strconv.Itoa(e.Q850)
	}
	return d
}

func rang(c Call, s Side) bool {
	for _, a := range c.Party(s).Attempts {
		for _, l := range a.Legs {
			if l.Rang {
				return true
			}
		}
	}
	return false
}
