package call

import (
	"context"

	"c2d/core/fault"
)

// What may be done with a call, in the words of the API.
const (
	CanHangUp   = "hangup"
	CanHold     = "hold"
	CanResume   = "resume"
	CanDTMF     = "dtmf"
	CanTransfer = "transfer"
	CanRecord   = "record"
)

// Can returns what the backend of a call can do with it now, as far as its record says.
func Can(c *Call, able Capabilities) []string {
	can := []string{}
	if c.State == Ended {
		return can
	}
	can = append(can, CanHangUp)
	if c.State != Connected || c.Has(Unsure) {
		return can
	}
	if able.Hold {
		can = append(can, CanHold)
	}
	if able.Hold && c.held() {
		can = append(can, CanResume)
	}
	if able.SendDTMF {
		can = append(can, CanDTMF)
	}
	if able.Part {
		can = append(can, CanTransfer)
	}
	if able.Record {
		can = append(can, CanRecord)
	}
	return can
}

func (c *Call) held() bool {
	for l := range c.Legs {
		if l.Held && l.Open() {
			return true
		}
	}
	return false
}

// Hold lets one side of a connected call hold the other, or end that: see [Holder]. It returns once it is handed over;
// the record tells when it is so. Errors: fault.CodeNotFound when the call is not open here, CodeConflict unless it is
// connected, CodeNotSupported, CodeBackendUnavailable, those of Holder.
func (r *Runner) Hold(ctx context.Context, id string, by Side, on bool) error {
	leg, be, err := r.talking(ctx, id, by)
	if err != nil {
		return err
	}
	h, ok := be.(Holder)
	if !ok || !be.Capabilities().Hold {
		return unable("hold")
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return h.Hold(ctx, leg, on)
}

// SendDTMF presses keys towards the phone of one side of a connected call: see [Keyer]. It returns once it is handed
// over. Errors: as Hold; those of Keyer.
func (r *Runner) SendDTMF(ctx context.Context, id string, to Side, keys string) error {
	leg, be, err := r.talking(ctx, id, to)
	if err != nil {
		return err
	}
	k, ok := be.(Keyer)
	if !ok || !be.Capabilities().SendDTMF {
		return unable("send keys")
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return k.SendDTMF(ctx, leg, keys)
}

func unable(what string) error {
	return fault.New(fault.CodeNotSupported, "this phone system cannot %s", what)
}

// now returns a call once everything is done that was on its way: who has read in the store that it is connected must not
// hear that it is not.
func (r *Runner) now(ctx context.Context, id string) (Call, error) { return r.ask(ctx, id, ask{}) }

// ask hands a call an input and returns the call after it.
func (r *Runner) ask(ctx context.Context, id string, in Input) (Call, error) {
	r.mu.Lock()
	b := r.calls[id]
	r.mu.Unlock()
	if b == nil {
		return Call{}, fault.New(fault.CodeNotFound, "no open call of that id")
	}
	reply := make(chan Call, 1)
	b.post(letter{in: in, reply: reply})
	select {
	case c := <-reply:
		return c, nil
	case <-ctx.Done():
		return Call{}, ctx.Err()
	}
}

// talking returns the leg of one side of a connected call, and what carries it.
func (r *Runner) talking(ctx context.Context, id string, side Side) (leg string, be Backend, err error) {
	c, err := r.now(ctx, id)
	switch {
	case err != nil:
		return "", nil, err
	case c.State != Connected:
		return "", nil, fault.New(fault.CodeConflict, "the two do not talk: the call is %s", c.State)
	}
	if leg = c.CallerLeg; side == CalleeSide {
		leg = c.CalleeLeg
	}
	l, _, _ := c.Find(leg)
	if l == nil || !l.Open() {
		return "", nil, fault.New(fault.CodeConflict, "this side has hung up")
	}
	if be = r.backend(l.Way.Backend); be == nil {
		return "", nil, fault.New(fault.CodeBackendUnavailable, "backend %s is not configured", l.Way.Backend)
	}
	return leg, be, nil
}
