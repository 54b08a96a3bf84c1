package sip

import (
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
)

const (
	sessionSeconds = 1800 // the interval that we ask for (RFC 4028 section 4)
	leastSession   = 90   // the shortest that we take (RFC 4028 section 5)
)

// session says how a leg that talks is watched: by refreshes of ours or of the phone's (RFC 4028), or, with a phone that
// knows no session timers, by OPTIONS. It is stored, so that the watching goes on after a restart.
type session struct {
	Seconds int  `json:"seconds,omitempty"` // the interval; 0 is no session timer
	Ours    bool `json:"ours,omitempty"`    // we refresh
	Update  bool `json:"update,omitempty"`  // the phone takes UPDATE: a refresh need not touch the media
}

// sessionOffer are the headers of a first INVITE that ask for a session timer and say what we understand. One that is bare asks
// for no reliable provisional response: the offer in one would have to be answered while the phone rings.
func sessionOffer(bare bool) []dialog.Header {
	supported := "100rel, timer"
	if bare {
		supported = "timer"
	}
	return []dialog.Header{
		{Name: "Allow", Value: allow},
		{Name: "Supported", Value: supported},
		dialog.Expires{Seconds: sessionSeconds}.Header(),
		{Name: "Min-SE", Value: strconv.Itoa(leastSession)},
	}
}

// learn notes from any message of the phone whether it takes UPDATE.
func (s *session) learn(m sip.Message) {
	if len(m.GetHeaders("Allow")) > 0 {
		s.Update = dialog.Lists(m, "Allow", string(sip.UPDATE))
	}
}

// headers are those of an INVITE or UPDATE of ours inside the dialog: each is a refresh, and asks that all stays as it is
// (RFC 4028 section 7.4).
func (s *session) headers(m sip.RequestMethod) []dialog.Header {
	if m != sip.INVITE && m != sip.UPDATE {
		return nil
	}
	h := []dialog.Header{{Name: "Supported", Value: "timer"}}
	if s.Seconds == 0 {
		return h
	}
	e := dialog.Expires{Seconds: s.Seconds, Refresher: dialog.UAS}
	if s.Ours {
		e.Refresher = dialog.UAC
	}
	return append(h, e.Header(), dialog.Header{Name: "Min-SE", Value: strconv.Itoa(leastSession)})
}

// agreed takes the terms of a 2xx to an INVITE or UPDATE of ours. One without the header ends the timer (RFC 4028 section
// 7.2); one that is shorter than we allow is not obeyed.
func (s *session) agreed(res *sip.Response) {
	s.learn(res)
	e, ok := dialog.SessionExpires(res)
	s.Seconds, s.Ours = 0, false
	if ok {
		s.Seconds, s.Ours = max(e.Seconds, leastSession), e.Refresher != dialog.UAS
	}
}

// tooShort reports an INVITE or UPDATE that must be refused with 422 (RFC 4028 section 9).
func tooShort(req *sip.Request) bool {
	e, ok := dialog.SessionExpires(req)
	return ok && e.Seconds < leastSession && dialog.Lists(req, "Supported", "timer")
}

// grant settles the terms of an INVITE or UPDATE of the phone's, and returns the headers of our 2xx (RFC 4028 section 9,
// table 2). Where the phone leaves it open we refresh: so we learn that a phone has died.
func (s *session) grant(req *sip.Request) []dialog.Header {
	s.learn(req)
	knows := dialog.Lists(req, "Supported", "timer") || dialog.Lists(req, "Require", "timer")
	e, asked := dialog.SessionExpires(req)
	switch {
	case !asked && !knows:
		s.Seconds, s.Ours = 0, false
		return nil
	case !asked:
		e.Seconds = sessionSeconds
	}
	e.Seconds = max(e.Seconds, leastSession)
	if e.Refresher == "" || !knows {
		e.Refresher = dialog.UAS
	}
	s.Seconds, s.Ours = e.Seconds, e.Refresher == dialog.UAS
	if !knows {
		return []dialog.Header{e.Header()}
	}
	return []dialog.Header{{Name: "Require", Value: "timer"}, e.Header()}
}

// next is how long a leg is left alone: we refresh at half the interval (RFC 4028 section 10); a refresh of the phone's
// has failed a third of the interval, 32 s at most, before its end.
func (s *session) next(w waits) time.Duration {
	interval := time.Duration(s.Seconds) * w.second
	switch {
	case s.Seconds == 0:
		return w.probe
	case s.Ours:
		return interval / 2
	}
	return interval - min(32*w.second, interval/3)
}

// believed is how long a phone that hears nothing from us takes its session to go on; one without a timer is given as
// long as one that has ours.
func (s *session) believed(w waits) time.Duration {
	if s.Seconds == 0 {
		return sessionSeconds * w.second
	}
	return time.Duration(s.Seconds) * w.second
}

// lengthen replaces the interval of a first INVITE that was refused as too short, and reports whether that makes a
// difference.
func lengthen(headers []dialog.Header, least int) ([]dialog.Header, bool) {
	out, longer := make([]dialog.Header, 0, len(headers)), false
	for _, h := range headers {
		switch h.Name {
		case "Session-Expires":
			n, _ := strconv.Atoi(h.Value)
			longer = least > n
			h = dialog.Expires{Seconds: max(least, n)}.Header()
		case "Min-SE":
			h.Value = strconv.Itoa(max(least, leastSession))
		}
		out = append(out, h)
	}
	return out, longer
}
