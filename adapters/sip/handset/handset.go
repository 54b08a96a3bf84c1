// Package handset is a software phone with its owner, as the suite of call behaviour wants it: what cannot be done fails the test.
// The suites of native SIP and of real phone systems share it.
package handset

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	telephone "c2d/adapters/sip/phone"
	"c2d/core/call/calltest"
)

// Handset is a software phone and its owner.
type Handset struct {
	Name     string
	At       string           // the address by which it is reached
	Hz       int              // what it says
	Phone    *telephone.Phone // nil when nobody is there
	Patience time.Duration    // of its owner
	Prefix   string           // that is dialled before a number
	Realm    string           // where the numbers are that it refers to

	mu   sync.Mutex
	rang int
}

var _ calltest.Referrer = (*Handset)(nil)

// Happened is to be told what happens to the phone.
func (h *Handset) Happened(e telephone.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == telephone.Ringing && e.Incoming {
		h.rang++
	}
}

// Tone returns the frequency, in Hz, of what it says.
func (h *Handset) Tone() int { return h.Hz }

// Address implements [calltest.Phone].
func (h *Handset) Address() string { return h.At }

// Rang implements [calltest.Phone].
func (h *Handset) Rang() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rang
}

// Idle implements [calltest.Phone].
func (h *Handset) Idle() bool { return h.Phone == nil || !h.Phone.RTP().IsValid() }

// Does runs what the owner does, and fails the test if it cannot be done.
func (h *Handset) Does(t *testing.T, what string, act func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), h.Patience)
	defer cancel()
	if err := act(ctx); err != nil {
		t.Errorf("%s: %s: %v", h.Name, what, err)
	}
}

// Lift implements [calltest.Phone].
func (h *Handset) Lift(t *testing.T) { t.Helper(); h.Does(t, "lift", h.Phone.Accept) }

// Wake implements [calltest.Phone]: of a [Late] one there is something to wake.
func (h *Handset) Wake(t *testing.T) { t.Helper(); t.Errorf("%s is awake", h.Name) }

// PutDown implements [calltest.Phone].
func (h *Handset) PutDown(t *testing.T) {
	t.Helper()
	h.Does(t, "put down", func(ctx context.Context) error {
		if err := h.Phone.HangUp(ctx); !errors.Is(err, telephone.ErrNoCall) {
			return err
		}
		t.Log(h.Name, "was put down already")
		return nil
	})
}

// Press implements [calltest.Phone].
func (h *Handset) Press(t *testing.T, keys string) {
	t.Helper()
	h.Does(t, "press", func(context.Context) error { return h.Phone.Press(keys) })
}

// Hold asks again when the other side was asking for something itself (RFC 3261 section 14.1).
func (h *Handset) Hold(t *testing.T, on bool) {
	t.Helper()
	act := h.Phone.Resume
	if on {
		act = h.Phone.Hold
	}
	h.Does(t, "hold", func(ctx context.Context) error {
		for {
			err := act(ctx)
			var no *telephone.Refused
			if !errors.As(err, &no) || no.Status != sip.StatusRequestPending {
				return err
			}
			select {
			case <-time.After(30 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// Dial implements [calltest.Phone].
func (h *Handset) Dial(_ *testing.T, number string) {
	go func() { _ = h.Phone.Dial(context.Background(), h.Prefix+number) }() // ends with the call, or with Close of the phone
}

// Hears implements [calltest.Phone].
func (h *Handset) Hears(t *testing.T, other calltest.Phone) {
	t.Helper()
	h.hears(t, telephone.Expect{Hz: other.(interface{ Tone() int }).Tone(), After: time.Now()})
}

// HearsTone waits for what an exchange of the country plays: 450 Hz.
func (h *Handset) HearsTone(t *testing.T) {
	t.Helper()
	h.hears(t, telephone.Expect{Hz: 450, After: time.Now()})
}

// HearsKeys implements [calltest.Phone].
func (h *Handset) HearsKeys(t *testing.T, keys string) {
	t.Helper()
	for i := range len(keys) {
		h.Does(t, "hear the key "+keys[i:i+1], func(ctx context.Context) error {
			e, err := h.Phone.Wait(ctx, telephone.Pressed)
			if err == nil && e.Key != keys[i] {
				return fmt.Errorf("it was %c", e.Key)
			}
			return err
		})
	}
	if _, err := h.Phone.Wait(ended(), telephone.Pressed); err == nil {
		t.Errorf("%s: another key", h.Name)
	}
}

// ended is a context that is over: what is waited for under it must have been.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (h *Handset) hears(t *testing.T, want telephone.Expect) {
	t.Helper()
	h.Does(t, fmt.Sprintf("hear %d Hz", want.Hz), func(ctx context.Context) error {
		_, err := h.Phone.WaitHeard(ctx, want)
		if err != nil {
			return fmt.Errorf("%w; heard %v", err, h.Phone.Heard())
		}
		return nil
	})
}
