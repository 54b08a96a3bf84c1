package calltest

import (
	"strings"
	"sync"

	"c2d/core/call"
	"c2d/core/fault"
)

// released: each side hangs up in each state in which it is in the call.
func released() []behaviour {
	var rows []behaviour
	for _, state := range []call.State{call.Confirming, call.RingingCallee, call.Connecting, call.Connected} {
		rows = append(rows, behaviour{"the caller hangs up, " + plain(state), func(s *stage) {
			sc := s.bring(state)
			sc.a.PutDown(s.t)
			sc.ends("ended " + givenUp(state) + " caller caller")
		}})
	}
	for _, state := range []call.State{call.Connecting, call.Connected} {
		rows = append(rows, behaviour{"the callee hangs up, " + plain(state), func(s *stage) {
			sc := s.bring(state)
			sc.b.PutDown(s.t)
			sc.ends("ended " + givenUp(state) + " callee callee")
		}})
	}
	return append(rows, behaviour{"both hang up at once", func(s *stage) {
		sc := s.bring(call.Connected)
		var wg sync.WaitGroup
		wg.Go(func() { sc.a.PutDown(s.t) })
		wg.Go(func() { sc.b.PutDown(s.t) })
		wg.Wait()
		sc.ends("ended completed * *")
	}})
}

// plain is a state as a row's name has it.
func plain(s call.State) string { return strings.ReplaceAll(string(s), "_", " ") }

// givenUp is the reason of a call that is ended by hand.
func givenUp(s call.State) string {
	if s == call.Connected {
		return "completed"
	}
	return "cancelled"
}

// cancelled: over the API in each state.
func cancelled() []behaviour {
	var rows []behaviour
	for _, state := range states {
		rows = append(rows, behaviour{"cancelled over the API, " + plain(state), func(s *stage) {
			sc := s.bring(state)
			if c := sc.cancel(sc.id); c.State != call.Ended {
				s.t.Errorf("the answer to the client has the state %s", c.State)
			}
			sc.ends("ended " + givenUp(state) + " - api")
			if _, err := s.proc.HangUp(s.t.Context(), sc.id, call.HangUpOrdered{By: call.ByAPI}); err != nil && !fault.Is(err, fault.CodeNotFound) {
				s.t.Error("hanging up again:", err)
			}
			sc.vacate()
		}})
	}
	return rows
}
