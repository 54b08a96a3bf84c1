package esl

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/desk"
)

// TestTheNextConnectionGoesWhereTheConfigurationSays: of localhost, the address that answers may be the other one.
func TestTheNextConnectionGoesWhereTheConfigurationSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		b := w.Open(t).(*Backend)
		var mu sync.Mutex
		var dialled []string
		dial := b.to.Dial
		b.to.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialled = append(dialled, address)
			return dial(ctx, network, address)
		}
		r := &rig{ward: w, Backend: b, t: t, told: make(heard, 1000)}
		if err := r.Start(t.Context(), r.told, nil); err != nil {
			t.Fatal(err)
		}
		next := r.config()
		next.Address, next.Password = "[::1]:8021", b.to.Password
		r.Follow(next)
		w.cable.Cut()
		w.cable.Mend()
		time.Sleep(time.Second)
		r.connected()
		mu.Lock()
		defer mu.Unlock()
		if len(dialled) < 2 || !slices.Contains(dialled[1:], next.Address) || dialled[0] == next.Address {
			t.Errorf("dialled %q", dialled)
		}
	})
}

// TestAReloadWhileAPhoneTransfers: what is read of the configuration then is read whole.
func TestAReloadWhileAPhoneTransfers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, b, _, y := r.talk()
		third := r.Phone(t, calltest.Answers)
		cfg, over := r.config(), make(chan struct{})
		cfg.Password = r.reached().Password
		var follows sync.WaitGroup
		follows.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Millisecond):
					r.Follow(cfg)
				}
			}
		})
		y.(*desk.Phone).Refer(t, third.Address())
		r.until(b, call.EvForwarded)
		close(over)
		follows.Wait()
	})
}
