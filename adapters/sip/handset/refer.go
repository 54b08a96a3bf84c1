package handset

import (
	"context"
	"testing"

	telephone "c2d/adapters/sip/phone"
)

// Refer implements [calltest.Referrer].
func (h *Handset) Refer(t *testing.T, number string) {
	t.Helper()
	h.Does(t, "transfer", func(ctx context.Context) error { return h.Phone.Transfer(ctx, "<sip:"+number+"@"+h.Realm+">") })
}

// SetAside implements [calltest.Referrer].
func (h *Handset) SetAside(t *testing.T) {
	t.Helper()
	h.Hold(t, true)
	h.Does(t, "put its call aside", func(context.Context) error { return h.Phone.SetAside() })
}

// Consult implements [calltest.Referrer].
func (h *Handset) Consult(t *testing.T, number string) {
	t.Helper()
	h.SetAside(t)
	go func() { _ = h.Phone.Dial(context.Background(), number) }() // ends with the call, or with Close of the phone
}

// Attend implements [calltest.Referrer].
func (h *Handset) Attend(t *testing.T) { t.Helper(); h.Does(t, "transfer", h.Phone.Attend) }

// Leave implements [calltest.Referrer].
func (h *Handset) Leave(t *testing.T) {
	t.Helper()
	for range 2 {
		h.Phone.Swap()
		h.PutDown(t)
	}
}

// Told implements [calltest.Referrer].
func (h *Handset) Told(t *testing.T) (status int) {
	t.Helper()
	h.Does(t, "be told", func(ctx context.Context) error {
		for status < 200 {
			e, err := h.Phone.Wait(ctx, telephone.Told)
			if err != nil {
				return err
			}
			status = e.Status
		}
		return nil
	})
	return status
}
