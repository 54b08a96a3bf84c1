package esl

import (
	"context"
	"errors"
	"sync"

	"c2d/core/call"
	"c2d/core/fault"
)

// Stop implements [call.Backend]: what rings is hung up, what was offered goes back to the dialplan, who talks goes on talking.
func (b *Backend) Stop(ctx context.Context) error {
	var errs []error
	if all := b.unanswered(); b.Health(ctx) == nil {
		errs = b.leaveAll(ctx, all)
	}
	if door := b.at(); door != nil {
		door.Close()
	}
	return errors.Join(append(errs, b.uplink.Close(ctx))...)
}

// unanswered returns the legs that Stop lets go of. From now on there are no more of them.
func (b *Backend) unanswered() []*leg {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopping = true
	var all []*leg
	for _, l := range b.legs {
		if l.state != call.LegAnswered {
			all = append(all, l)
		}
	}
	return all
}

// admits refuses what is new once we stop; b.mu is held.
func (b *Backend) admits() error {
	if b.stopping {
		return fault.New(fault.CodeBackendUnavailable, "we stop")
	}
	return b.down()
}

// leaveAll lets go of legs, all at once: FreeSWITCH gets the orders in one go.
func (b *Backend) leaveAll(ctx context.Context, all []*leg) []error {
	errs := make([]error, len(all))
	var orders sync.WaitGroup
	for i, l := range all {
		orders.Go(func() { errs[i] = b.leave(ctx, l) }) // ends with ctx
	}
	orders.Wait()
	return errs
}

// leave lets go of a leg that was not answered, because we stop. One that is being rung just now is hung up after that; its end
// is waited for if no channel has told of itself before: FreeSWITCH may have none yet, and it is hung up when there is.
func (b *Backend) leave(ctx context.Context, l *leg) error {
	if l.offered {
		return b.GiveBack(ctx, l.id)
	}
	if l.ordered != nil {
		select {
		case <-l.ordered:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	there := l.created
	b.mu.Unlock()
	if err := b.HangUp(ctx, l.id, call.Cancelled); err != nil || there {
		return err
	}
	return b.untilOver(ctx, l)
}

// untilOver waits until a leg has ended.
func (b *Backend) untilOver(ctx context.Context, l *leg) error {
	for {
		b.mu.Lock()
		if b.legs[l.id] != l {
			b.mu.Unlock()
			return nil
		}
		more := make(chan struct{})
		l.waiters = append(l.waiters, func() { close(more) })
		b.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
