package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c2d/core/call"
)

// Stop implements [call.Backend]: what rings is cancelled, what was offered is refused, who talks goes on talking.
func (s *Stack) Stop(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	s.mu.Unlock()
	if !first {
		return nil
	}
	err := s.releaseRinging(ctx)
	leave, cancel := context.WithTimeout(ctx, time.Second)
	s.unregister(leave)
	cancel()
	for _, k := range s.sockets() {
		k.deafen(ctx)
	}
	s.cancel()
	s.tx.Close()
	s.closeSockets()
	s.closeMedia()
	return errors.Join(err, s.closeConnections(), s.wait(ctx))
}

// closeConnections ends those over TCP and TLS. UDP has none, but for those that keep the library from more.
func (s *Stack) closeConnections() error {
	return errors.Join(s.tp.Pool("tcp").Clear(), s.tp.Pool("tls").Clear())
}

// releaseRinging ends every leg that was not answered, and waits until each has ended.
func (s *Stack) releaseRinging(ctx context.Context) error {
	var ringing []*leg
	for _, l := range s.all() {
		if !l.answered() {
			ringing = append(ringing, l)
			l.hangUp(call.Cancelled)
		}
	}
	for _, l := range ringing {
		select {
		case <-l.done:
		case <-ctx.Done():
			return fmt.Errorf("releasing what rings: %w", ctx.Err())
		}
	}
	return nil
}

func (s *Stack) closeMedia() {
	for _, l := range s.all() {
		l.mu.Lock()
		l.unwatch()
		l.mu.Unlock()
		if ep := l.takeEndpoint(); ep != nil {
			_ = ep.Close()
		}
	}
}

// spawn runs f in a goroutine that Stop waits for; after Stop it does nothing.
func (s *Stack) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(f)
	}
}

func (s *Stack) wait(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }() // ends with the last of ours, which all watch s.ctx
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
