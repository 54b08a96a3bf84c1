package httpapi

import (
	"c2d/core/call"
)

// callView is a call as outsiders see it: what happened and to whom, never how a backend does it.
type callView struct {
	ID               string            `json:"id"`
	Version          int64             `json:"version" doc:"One higher at each change"`
	State            call.State        `json:"state"`
	Flags            []call.Flag       `json:"flags,omitempty"`
	Caller           partyView         `json:"caller"`
	Callee           partyView         `json:"callee"`
	Backend          string            `json:"backend"`
	Context          map[string]string `json:"context,omitempty"`
	Priority         string            `json:"priority,omitempty"`
	CreatedAt        stamp             `json:"created_at"`
	UpdatedAt        stamp             `json:"updated_at,omitzero"`
	CallerAnsweredAt stamp             `json:"caller_answered_at,omitzero"`
	CalleeAnsweredAt stamp             `json:"callee_answered_at,omitzero"`
	ConnectedAt      stamp             `json:"connected_at,omitzero"`
	EndedAt          stamp             `json:"ended_at,omitzero"`
	End              *endView          `json:"end,omitempty"`
	Recordings       []recordingView   `json:"recordings,omitempty"`
	Can              []string          `json:"can" doc:"What may be done with the call now: hangup, hold, resume, dtmf, transfer, record"`
}

// recordingView is one recording, as far as it may be told here: its sound is with the administrator, under its id.
type recordingView struct {
	ID        string           `json:"id"`
	State     call.RecordState `json:"state"`
	OrderedAt stamp            `json:"ordered_at"`
	StartedAt stamp            `json:"started_at,omitzero"`
	EndedAt   stamp            `json:"ended_at,omitzero"`
	Why       string           `json:"why,omitempty" doc:"Why it failed"`
}

type partyView struct {
	UserID    string        `json:"user_id,omitempty"`
	ContactID string        `json:"contact_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Number    string        `json:"number,omitempty"`
	Attempts  []attemptView `json:"attempts"`
}

// attemptView is the phones that were rung at once; Device is the first of them, each leg names its own.
type attemptView struct {
	Device string    `json:"device,omitempty"`
	Legs   []legView `json:"legs"`
}

type legView struct {
	ID         string        `json:"id"`
	Device     string        `json:"device,omitempty"`
	Number     string        `json:"number,omitempty"`
	Backend    string        `json:"backend"`
	State      call.LegState `json:"state"`
	Forwarded  bool          `json:"forwarded,omitempty"`
	Held       bool          `json:"held,omitempty"`
	CreatedAt  stamp         `json:"created_at"`
	RingingAt  stamp         `json:"ringing_at,omitzero"`
	AnsweredAt stamp         `json:"answered_at,omitzero"`
	EndedAt    stamp         `json:"ended_at,omitzero"`
	End        *causeView    `json:"end,omitempty"`
}

type causeView struct {
	Reason call.Reason `json:"reason"`
	SIP    int         `json:"sip,omitempty" doc:"SIP status, where known"`
	Q850   int         `json:"q850,omitempty" doc:"ITU-T Q.850 cause, where known"`
	Text   string      `json:"text,omitempty"`
}

type endView struct {
	Reason call.Reason `json:"reason"`
	Side   call.Side   `json:"side,omitempty" doc:"Whose phone it was about"`
	By     call.By     `json:"by"`
	SIP    int         `json:"sip,omitempty"`
	Q850   int         `json:"q850,omitempty"`
	Text   string      `json:"text,omitempty"`
}

func (s *Server) viewCall(c call.Call) callView {
	v := callView{ID: c.ID, Version: c.Version, State: c.State, Flags: c.Flags, Caller: viewParty(c.Caller), Callee: viewParty(c.Callee),
		Backend: c.Backend, Context: c.Context, Priority: c.Priority,
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), CallerAnsweredAt: stamp(c.CallerAnsweredAt),
		CalleeAnsweredAt: stamp(c.CalleeAnsweredAt), ConnectedAt: stamp(c.ConnectedAt), EndedAt: stamp(c.EndedAt), Can: s.deps.Calls.Can(c)}
	if e := c.End; e != nil {
		v.End = &endView{Reason: e.Reason, Side: e.Side, By: e.By, SIP: e.SIP, Q850: e.Q850, Text: e.Text}
	}
	for _, r := range c.Recordings {
		v.Recordings = append(v.Recordings, recordingView{ID: r.ID, State: r.State, OrderedAt: stamp(r.OrderedAt), StartedAt: stamp(r.StartedAt),
			EndedAt: stamp(r.EndedAt), Why: r.Why})
	}
	return v
}

func viewParty(p call.Party) partyView {
	v := partyView{UserID: p.UserID, ContactID: p.ContactID, Name: p.Name, Number: p.Number, Attempts: make([]attemptView, len(p.Attempts))}
	for i, a := range p.Attempts {
		v.Attempts[i].Legs = make([]legView, len(a.Legs))
		if len(a.Targets) > 0 {
			v.Attempts[i].Device = a.Targets[0].Device
		}
		for j, l := range a.Legs {
			v.Attempts[i].Legs[j] = viewLeg(l, a.Targets)
		}
	}
	return v
}

func viewLeg(l call.Leg, targets []call.Target) legView {
	v := legView{ID: l.ID, Backend: l.Way.Backend, State: l.State, Forwarded: l.Forwarded, Held: l.Held, CreatedAt: stamp(l.CreatedAt),
		RingingAt: stamp(l.RingingAt), AnsweredAt: stamp(l.AnsweredAt), EndedAt: stamp(l.EndedAt)}
	if l.Target >= 0 && l.Target < len(targets) {
		v.Device, v.Number = targets[l.Target].Device, targets[l.Target].Number
	}
	if e := l.End; e != nil {
		v.End = &causeView{Reason: e.Reason, SIP: e.SIP, Q850: e.Q850, Text: e.Text}
	}
	return v
}
