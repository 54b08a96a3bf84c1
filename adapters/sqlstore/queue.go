package sqlstore

import (
	"context"
	"sync/atomic"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

// state of a write: who moves it from waiting, the writer or whoever gave up, decides.
const (
	waiting int32 = iota
	begun
	abandoned
)

// write is one change that waits for, or takes part in, a transaction.
type write struct {
	ctx   context.Context
	run   func(context.Context, *tx) error
	limit time.Duration
	state atomic.Int32
	err   error // of this write alone; the writer's until it answers
	done  chan error
}

// begin reports whether the write is to run: not if its context has ended, for then its caller is told so.
func (r *write) begin() bool {
	if err := r.ctx.Err(); err != nil {
		r.state.CompareAndSwap(waiting, abandoned)
		r.done <- gone(err)
		return false
	}
	return r.state.CompareAndSwap(waiting, begun)
}

// do runs a change and returns when it is durable, or failed. A change whose context ends while it waits is not run;
// once it has begun, its outcome is waited for, since the caller must know it.
func (w *writer) do(ctx context.Context, limit time.Duration, run func(context.Context, *tx) error) error {
	return w.doSoon(ctx, limit, nil, run)
}

// doSoon is do for a change that may wait for the next one, and is taken back when back is closed; nil is do.
func (w *writer) doSoon(ctx context.Context, limit time.Duration, back <-chan struct{}, run func(context.Context, *tx) error) error {
	r := &write{ctx: ctx, run: run, limit: limit, done: make(chan error, 1)}
	queue := w.queue
	if back != nil {
		queue = w.idle
	}
	select {
	case <-w.quit:
		return closed()
	default:
	}
	select {
	case queue <- r:
	case <-ctx.Done():
		return gone(ctx.Err())
	case <-w.quit:
		return closed()
	}
	return w.wait(ctx, r, back)
}

// wait returns what has become of a write that is in a queue.
func (w *writer) wait(ctx context.Context, r *write, back <-chan struct{}) error {
	select {
	case err := <-r.done:
		return err
	case <-back:
		if r.state.CompareAndSwap(waiting, abandoned) {
			return call.ErrTakenBack
		}
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return gone(ctx.Err())
		}
	case <-w.ended:
	}
	return w.outcome(r)
}

// outcome waits for a write that has begun; if the writer has ended, for one that it may never have seen.
func (w *writer) outcome(r *write) error {
	select {
	case err := <-r.done:
		return err
	case <-w.ended:
	}
	select {
	case err := <-r.done:
		return err
	default:
		return closed()
	}
}

func gone(cause error) error {
	return fault.Wrap(fault.CodeStoreUnavailable, cause, "the request ended before the store had done it")
}

func closed() error { return fault.New(fault.CodeStoreUnavailable, "the store is closed") }
