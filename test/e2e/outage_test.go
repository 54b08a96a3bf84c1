package e2e

import (
	"errors"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// withoutStore tells what holds while the store is away: new calls are refused before anything rings, who talks goes on and is
// let go at once, and when it is back each record is completed.
func (h *house) withoutStore(away func() (back func())) {
	t := h.t
	t.Helper()
	first, second := h.talk("first"), h.talk("second")
	idle := h.soft("idle", 600, phone.Never())
	back := away()
	pbx.Eventually(t, soon, "a new call is refused", func() bool {
		_, _, err := h.order(order{Key: "away", Caller: idle.login, Callee: first.caller.login})
		var no *client.Problem
		return errors.As(err, &no) && no.Status == 503
	})
	first.hear()
	first.caller.does("hang up", first.caller.HangUp)
	first.callee.released()
	begun := time.Now()
	if _, err := h.api.HangUp(t.Context(), second.call.ID); err != nil {
		t.Error("hang up over the API:", err)
	}
	for _, s := range []*soft{second.caller, second.callee} {
		s.released()
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the phones were let go after %s", took)
	}
	if n := idle.rings(); n != 0 {
		t.Errorf("a refused call rang %d times", n)
	}
	back()
	first.over("completed", "caller", "caller", 1, 1)
	second.over("completed", "", "api", 1, 1)
	pbx.Eventually(t, soon, "the records are complete", func() bool { return h.told(first.call, "call.ended") == 1 && h.told(second.call, "call.ended") == 1 })
}

// TestPostgreSQLIsAway stops PostgreSQL, and lets it hang, while people talk.
func TestPostgreSQLIsAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, c *pbx.Cluster) (back func()){
		"stopped": func(t *testing.T, c *pbx.Cluster) func() { c.Stop(t); return func() { c.Start(t) } },
		"hung":    func(t *testing.T, c *pbx.Cluster) func() { c.Freeze(t); return c.Thaw },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pbx.StartPostgres(t)
			h := build(t)
			h.storeIn(c.NewDatabase(t))
			h.serve()
			h.withoutStore(func() func() { return away(t, c) })
		})
	}
}
