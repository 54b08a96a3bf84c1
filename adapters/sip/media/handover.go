package media

import "context"

// HandOver makes ready for two linked phones to send to each other: what each hears is renumbered, in jumps forward, until
// it has the numbers that its peer gives, so that the peer's own packets go on where ours end. Without it a jitter buffer
// that keeps its place over a change of source drops everything of a peer whose numbers happen to be behind ours: half
// of all calls to such a phone are deaf on one side (baresip 1.0: "dropping ... Connection timed out").
//
// It returns when both have settled, or when ctx ends: a phone that sends nothing has no numbers to settle on.
func HandOver(ctx context.Context, a, b *Endpoint) {
	for _, settled := range []<-chan struct{}{a.converge(), b.converge()} {
		select {
		case <-settled:
		case <-ctx.Done():
			return
		}
	}
}

// converge begins to renumber what the phone hears; the channel is closed when that is done.
func (e *Endpoint) converge() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.converges = true
	if e.handed == nil {
		e.handed = make(chan struct{})
	}
	settled := e.handed
	e.handOver()
	return settled
}

// handOver tells who waits that the numbers are the source's. The caller holds mu.
func (e *Endpoint) handOver() {
	if e.handed != nil && e.out.converged() {
		close(e.handed)
		e.handed = nil
	}
}
