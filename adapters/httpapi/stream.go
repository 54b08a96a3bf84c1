package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"c2d/core/event"
	"c2d/core/fault"
)

// stream writes events until the client goes, its key ends, or the service stops. It runs in the request's own
// goroutine, so that a slow client stalls nobody else; one that takes no bytes is cut off. After an
// error of the store the client comes back with its Last-Event-ID.
func (r *eventReader) stream(ctx context.Context, w http.ResponseWriter) {
	out := sse{w: w, control: http.NewResponseController(w)}
	out.begin()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	more := make(chan struct{})
	close(more)
	for out.err == nil {
		changed := r.s.deps.Events.Changed() // before the read, so that no event falls between
		page, err := r.s.deps.Events.Read(ctx, r.filter, r.cursor, readBatch)
		if err != nil {
			return
		}
		if len(page.Events) > 0 || page.Reset || page.Next != r.cursor {
			r.send(ctx, &out, page)
			changed = more
		}
		select {
		case <-changed:
		case <-beat.C:
			if _, err := r.s.actor(ctx, r.q); err != nil {
				return // the key was revoked, or has expired
			}
			out.comment()
		case <-r.s.closing:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *eventReader) send(ctx context.Context, out *sse, page event.Page) {
	if page.Reset {
		out.event("", "reset", struct{}{})
	}
	for _, v := range r.views(ctx, page.Events) {
		out.event(v.ID, string(v.Kind), v)
	}
	out.flush()
	r.cursor = page.Next
}

// sse writes server-sent events (WHATWG HTML section 9.2) and keeps the first error.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (o *sse) begin() {
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	o.w.WriteHeader(http.StatusOK)
	o.write("retry: 2000\n\n")
	o.flush()
}

func (o *sse) event(id, name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		o.err = err
		return
	}
	if id != "" {
		o.write("id: " + id + "\n")
	}
	o.write("event: " + name + "\ndata: " + string(data) + "\n\n")
}

func (o *sse) comment() {
	o.write(": still here\n\n")
	o.flush()
}

func (o *sse) write(s string) {
	if o.err == nil {
		// Longer than a heartbeat: HTTP/2 resets a stream whose deadline passes, even if it is idle. A recorder has none.
		_ = o.control.SetWriteDeadline(time.Now().Add(2 * heartbeat))
		_, o.err = o.w.Write([]byte(s))
	}
}

func (o *sse) flush() {
	if o.err == nil {
		o.err = o.control.Flush()
	}
}

// enter counts a stream or long poll of a key; leave must be called once when err is nil.
func (s *Server) enter(keyID string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[keyID] >= s.cfg.Limits.Streams {
		return nil, fault.New(fault.CodeRateLimited, "this key has %d streams open already", s.cfg.Limits.Streams).With("retry_after_s", 5)
	}
	s.streams[keyID]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.streams[keyID]--; s.streams[keyID] == 0 {
			delete(s.streams, keyID)
		}
	}, nil
}
