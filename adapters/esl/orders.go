package esl

import (
	"context"
	"errors"

	"c2d/adapters/esl/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// Prepare implements [call.Backend]. There is nothing to store: what is dialled follows from the way. Errors: those of an
// address or a number that cannot be sent safely; fault.CodeBackendUnavailable.
func (b *Backend) Prepare(_ context.Context, o call.Originate) ([]byte, error) {
	if _, err := b.originate(o); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil, b.admits()
}

// Originate implements [call.Backend]. The leg's id is the channel's UUID, and the job's.
func (b *Backend) Originate(ctx context.Context, o call.Originate, _ []byte) error {
	what, err := b.originate(o)
	if err != nil {
		return err
	}
	b.mu.Lock()
	conn, err := b.conn, b.admits()
	l := &leg{id: o.Leg, joinTo: o.JoinTo, state: call.LegIntended, conn: conn, ordered: make(chan struct{})}
	if err == nil {
		b.add(l) // events may come before the reply
		b.allow(o)
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	defer close(l.ordered)
	err = conn.Start(ctx, o.Leg, "originate", what)
	if err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[l.id] != l {
		return nil // its end is told already
	}
	if !client.Answered(err) && !client.Unsent(err) { // it may ring: its events tell, or the next snapshot, or core gives it up
		b.log.Warn("FreeSWITCH does not say whether it rings", "leg", l.id, "error", err)
		return nil
	}
	b.drop(l)
	return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH does not take an originate")
}

// HangUp implements [call.Backend].
func (b *Backend) HangUp(ctx context.Context, id string, why call.Reason) error {
	b.mu.Lock()
	l, conn, err := b.legs[id], b.conn, b.down()
	if l != nil && l.behind != "" { // that one is ended by an order of its own
		l.why = why
		b.finish(l, end{})
		b.mu.Unlock()
		return nil
	}
	channel, answered := id, true
	if l != nil {
		channel, answered = l.channel, l.up
		if l.why == "" {
			l.why = why
		}
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if l != nil {
		b.spare(ctx, l, why)
	}
	_, err = conn.Call(ctx, "uuid_kill", channel, order(why, answered))
	if !gone(err) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if l != nil && l.created { // else it is killed once it tells of itself, or its job tells that it never will
		b.finish(l, end{})
	}
	return nil
}

// spare lets whom FreeSWITCH bridges a leg to outlive it, unless the two are a pair of core's, who are over together: it is to be
// joined to somebody else, as after a transfer in whose midst we were restarted, or is a caller whose callee does not answer.
func (b *Backend) spare(ctx context.Context, l *leg, why call.Reason) {
	b.know(ctx, l)
	b.mu.Lock()
	y := b.peer(l)
	together := y == nil || y.why != "" || l.given || y.given || b.joins[pair(l.id, y.id)] != nil && why != call.Transferred
	if !together {
		y.outlives = true
	}
	b.mu.Unlock()
	if !together {
		_, _ = b.call(ctx, "uuid_setvar", y.channel, afterBridge, "true")
	}
}

// SendDTMF implements [call.Keyer].
func (b *Backend) SendDTMF(ctx context.Context, id, keys string) error {
	l, err := b.joined(id)
	if l == nil || err != nil {
		return err
	}
	_, err = b.call(ctx, "uuid_send_dtmf", l.channel, keys)
	return settled(err)
}

// joined returns a leg that is joined, nil for one that is gone.
func (b *Backend) joined(id string) (*leg, error) {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if j := b.joinOf(l); j == nil || !j.told {
		return nil, fault.New(fault.CodeConflict, "the leg is not joined")
	}
	if l.givenOn() {
		return nil, settledElsewhere()
	}
	return l, nil
}

// answeredLeg returns a leg that is answered, nil for one that is gone.
func (b *Backend) answeredLeg(id string) (*leg, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.down(); err != nil {
		return nil, err
	}
	l := b.legs[id]
	if l != nil && l.state != call.LegAnswered {
		return nil, fault.New(fault.CodeConflict, "the leg is not answered")
	}
	return l, nil
}

// gone reports that FreeSWITCH has refused a command. Of commands to a channel that is what it says when there is none (in
// several words: "No such channel", "Cannot locate session", "Invalid uuid"); its state is known to be right otherwise.
func gone(err error) bool {
	var refused *client.Refused
	return errors.As(err, &refused)
}

// settled takes what is gone for done: its end is told.
func settled(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
