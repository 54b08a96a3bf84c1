package asterisk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	telephone "c2d/adapters/sip/phone"
	"c2d/core/call/calltest"
)

const patience = 10 * time.Second

// handset is a software phone and its owner.
type handset struct {
	extension string
	hz        int
	phone     *telephone.Phone // nil when nobody is there

	mu   sync.Mutex
	rang int
}

func (h *handset) happened(e telephone.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == telephone.Ringing && e.Incoming {
		h.rang++
	}
}

func (h *handset) Address() string { return h.extension }

func (h *handset) Rang() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rang
}

func (h *handset) Idle() bool { return h.phone == nil || !h.phone.RTP().IsValid() }

func (h *handset) does(t *testing.T, what string, act func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := act(ctx); err != nil {
		t.Errorf("%s: %s: %v", h.extension, what, err)
	}
}

func (h *handset) Lift(t *testing.T) { t.Helper(); h.does(t, "lift", h.phone.Accept) }

func (h *handset) PutDown(t *testing.T) {
	t.Helper()
	h.does(t, "put down", func(ctx context.Context) error {
		if err := h.phone.HangUp(ctx); !errors.Is(err, telephone.ErrNoCall) {
			return err
		}
		t.Log(h.extension, "was put down already")
		return nil
	})
}

func (h *handset) Press(t *testing.T, keys string) {
	t.Helper()
	h.does(t, "press", func(context.Context) error { return h.phone.Press(keys) })
}

func (h *handset) Hold(t *testing.T, on bool) {
	t.Helper()
	act := h.phone.Resume
	if on {
		act = h.phone.Hold
	}
	h.does(t, "hold", act)
}

func (h *handset) Dial(_ *testing.T, number string) {
	go func() { _ = h.phone.Dial(context.Background(), "*55"+number) }() // ends with the call, or with Close of the phone
}

func (h *handset) Hears(t *testing.T, other calltest.Phone) {
	t.Helper()
	h.hears(t, telephone.Expect{Hz: other.(*handset).hz, After: time.Now()})
}

func (h *handset) HearsTone(t *testing.T) {
	t.Helper()
	h.hears(t, telephone.Expect{Hz: 450, After: time.Now()})
}

func (h *handset) HearsKeys(t *testing.T, keys string) {
	t.Helper()
	for i := range len(keys) {
		h.does(t, "hear the key "+keys[i:i+1], func(ctx context.Context) error {
			e, err := h.phone.Wait(ctx, telephone.Pressed)
			if err == nil && e.Key != keys[i] {
				return fmt.Errorf("it was %c", e.Key)
			}
			return err
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.phone.Wait(ctx, telephone.Pressed); err == nil {
		t.Errorf("%s: another key", h.extension)
	}
}

func (h *handset) hears(t *testing.T, want telephone.Expect) {
	t.Helper()
	h.does(t, fmt.Sprintf("hear %d Hz", want.Hz), func(ctx context.Context) error {
		_, err := h.phone.WaitHeard(ctx, want)
		if err != nil {
			return fmt.Errorf("%w; heard %v", err, h.phone.Heard())
		}
		return nil
	})
}
