package demo

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
)

// finding is one thing that must be so, and why it is not.
type finding struct {
	what string
	err  error
}

// verdict is everything that must be so.
type verdict []finding

func (v verdict) err() error {
	var errs []error
	for _, f := range v {
		if f.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.what, f.err))
		}
	}
	return errors.Join(errs...)
}

// judge compares what was heard and what was recorded with what should have been.
func (s *stage) judge(c client.Call) verdict {
	return verdict{
		s.heard(s.harry), s.heard(s.mary),
		{"Harry heard ring-back while Mary's phone rang", heardTone(s.harry.phone.Heard(), 450)},
		{"the record says that they talked and who ended it", ending(c)},
		{"its times are in order", inOrder(c)},
		{"it has one leg for each phone, answered and ended", bothLegs(c)},
	}
}

// heard says whether a person heard the other through C2D first and then directly.
func (s *stage) heard(a *actor) finding {
	what := fmt.Sprintf("%s heard %s through C2D, then directly", a.name, a.other.name)
	relayed, direct := firstHeard(a.phone.Heard(), a.other.hz, a.other.rtpAddr())
	switch {
	case relayed.IsZero():
		return finding{what, errors.New("never through C2D")}
	case direct.IsZero():
		return finding{what, errors.New("never directly")}
	case !relayed.Before(direct):
		return finding{what, errors.New("directly before")}
	}
	return finding{what, nil}
}

// firstHeard returns when a tone was first heard from another address than the other phone's, and from that.
func firstHeard(all []phone.Sound, hz int, own netip.AddrPort) (relayed, direct time.Time) {
	for _, s := range all {
		switch {
		case !near(s.Hz, hz):
		case s.From == own && direct.IsZero():
			direct = s.First
		case s.From != own && relayed.IsZero():
			relayed = s.First
		}
	}
	return relayed, direct
}

func heardTone(all []phone.Sound, hz int) error {
	for _, s := range all {
		if near(s.Hz, hz) {
			return nil
		}
	}
	return fmt.Errorf("no %d Hz", hz)
}

func ending(c client.Call) error {
	if c.State != "ended" || c.End == nil || c.End.Reason != "completed" || c.End.By != "api" {
		return fmt.Errorf("state %s, end %+v", c.State, c.End)
	}
	return nil
}

func inOrder(c client.Call) error {
	last := time.Time{}
	for _, step := range steps(c) {
		if step.at.IsZero() || step.at.Before(last) {
			return fmt.Errorf("%s is %v", strings.TrimSpace(step.name), step.at)
		}
		last = step.at
	}
	return nil
}

// step is a time of the record.
type step struct {
	name string
	at   time.Time
}

func steps(c client.Call) []step {
	return []step{{"created", c.CreatedAt}, {"Harry answered", c.CallerAnsweredAt}, {"Mary answered", c.CalleeAnsweredAt},
		{"connected", c.ConnectedAt}, {"ended", c.EndedAt}}
}

func bothLegs(c client.Call) error {
	for name, p := range map[string]client.Party{"caller": c.Caller, "callee": c.Callee} {
		legs := p.Legs()
		if len(legs) != 1 || legs[0].State != "ended" || legs[0].RingingAt.IsZero() || legs[0].AnsweredAt.IsZero() || legs[0].EndedAt.IsZero() {
			return fmt.Errorf("the legs of the %s are %+v", name, legs)
		}
	}
	return nil
}
