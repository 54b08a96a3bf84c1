package e2e

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// The tones and numbers of the two who talk in every story.
const (
	harryTone, maryTone = 660, 1000
	ringBack            = 450 // China
	harryNumber         = "+16328300100"
	maryNumber          = "+16328300101"
	password            = "correct-horse" // baresip's accounts file ends a value at a space
)

// add makes a user with one desk phone that registers here, and puts the name into the book.
func (h *house) add(login, name, number string) client.Device {
	h.t.Helper()
	u := client.User{Login: login, Name: name}
	h.post("/v1/users", u, &u)
	d := client.Device{Name: "desk", Kind: "desk", Backend: "house", Address: "sip:" + login + "@hospital.example", Number: number, Password: password}
	h.post("/v1/users/"+url.PathEscape(u.ID)+"/devices", d, &d)
	c := client.Contact{Kind: "person", Name: name, Numbers: []client.Phone{{Use: "work", Number: number}}}
	h.post("/v1/contacts", c, &c)
	return d
}

// addBoth adds Harry, who clicks, and Mary.
func (h *house) addBoth() {
	h.t.Helper()
	h.add("harry", "Harry", harryNumber)
	h.add("mary", "Mary", maryNumber)
}

func (h *house) post(path string, in, out any) {
	h.t.Helper()
	if err := h.api.Post(h.t.Context(), path, in, out); err != nil {
		h.t.Fatalf("POST %s: %v", path, err)
	}
}

// phone says how a phone of that login registers here.
func (h *house) phone(login string, tone int, auto bool) pbx.Phone {
	return pbx.Phone{User: login, Password: password, Domain: "hospital.example", Registrar: h.registrar(), Transport: h.over, Tone: tone, Auto: auto}
}

func (h *house) harry(auto bool) *pbx.Baresip {
	h.t.Helper()
	return pbx.StartBaresip(h.t, h.phone("harry", harryTone, auto))
}

func (h *house) mary(auto bool) *pbx.Baresip {
	h.t.Helper()
	return pbx.StartBaresip(h.t, h.phone("mary", maryTone, auto))
}

// sipp is a phone of that login that does what a scenario says.
func (h *house) sipp(login, scenario, status string) *pbx.SIPp {
	h.t.Helper()
	return pbx.StartSIPp(h.t, h.phone(login, 0, false), scenario, status)
}

// click asks for a call of Harry to Mary.
func (h *house) click() client.Call {
	h.t.Helper()
	c, err := h.api.Place(h.t.Context(), "harry", "Mary")
	if err != nil {
		h.t.Fatalf("click: %v", err)
	}
	return c
}

// refused asks for a call that must not come about, and returns the problem's code.
func (h *house) refused(body map[string]any) string {
	h.t.Helper()
	var problem *client.Problem
	if err := h.api.Post(h.t.Context(), "/v1/calls", body, nil); !errors.As(err, &problem) {
		h.t.Fatalf("not refused: %v", err)
	}
	return problem.Code
}

// until follows the call by long poll until ok, and fails the story when that does not come about soon.
func (h *house) until(c client.Call, what string, ok func(client.Call) bool) client.Call {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*soon)
	defer cancel()
	now := client.Call{ID: c.ID}
	for {
		next, err := h.api.Next(ctx, now, time.Second)
		if err != nil {
			h.t.Fatalf("waiting for %s: %v; last %+v", what, err, now)
		}
		if now = next; ok(now) {
			return now
		}
		if now.Ended() && allReleased(now) {
			h.t.Fatalf("waiting for %s: the call ended %+v", what, now.End)
		}
	}
}

func (h *house) state(c client.Call, want string) client.Call {
	h.t.Helper()
	return h.until(c, want, func(c client.Call) bool { return c.State == want })
}

// ended waits for the final record and compares why it ended.
func (h *house) ended(c client.Call, reason, side, by string) client.Call {
	h.t.Helper()
	c = h.state(c, "ended")
	if c.End.Reason != reason || c.End.Side != side || c.End.By != by {
		h.t.Errorf("the call ended %+v; want %s, side %q, by %s", *c.End, reason, side, by)
	}
	return c
}

// released waits until no leg of an ended call is open.
func (h *house) released(c client.Call) client.Call {
	h.t.Helper()
	return h.until(c, "every leg released", func(c client.Call) bool { return c.Ended() && allReleased(c) })
}

func allReleased(c client.Call) bool {
	return !slices.ContainsFunc(append(c.Caller.Legs(), c.Callee.Legs()...), func(l client.Leg) bool { return l.State != "ended" })
}
