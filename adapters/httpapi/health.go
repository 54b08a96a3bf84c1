package httpapi

import (
	"encoding/json"
	"net/http"

	"c2d/core/access"
	"c2d/core/fault"
)

// storeCheck is the part of Deps.Health without which nothing can be placed.
const storeCheck = "store"

// readiness is the body of /readyz; Checks are for keys with access.ReadReadiness only.
type readiness struct {
	Status string            `json:"status"` // ok, degraded (a backend is down), unavailable
	Checks map[string]string `json:"checks,omitempty"`
}

// open answers the paths that need no key; done says that it has.
func (s *Server) open(w http.ResponseWriter, r *http.Request, q *request) (done bool) {
	doc, isDoc := s.docs[r.URL.Path]
	known := isDoc || r.URL.Path == "/healthz" || s.admin == nil && (r.URL.Path == "/readyz" || r.URL.Path == "/metrics")
	switch {
	case !known || r.Method != http.MethodGet && r.Method != http.MethodHead:
		return false
	case isDoc:
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		_, _ = w.Write(doc)
	case r.URL.Path == "/readyz":
		s.ready(w, r, s.mayKnow(r, q))
	case r.URL.Path == "/metrics":
		s.metrics(w, r)
	default:
		healthy(w)
	}
	return true
}

// mayKnow reports whether the request shows a key that may see each part; without a key it is a load balancer's.
func (s *Server) mayKnow(r *http.Request, q *request) bool {
	return r.Header.Get("Authorization") != "" && s.authenticate(r, q) == nil && q.actor.May(access.ReadReadiness) == nil
}

// adminHandler serves admin_listen: whoever reaches it may know how the parts are.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { healthy(w) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.ready(w, r, true) })
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

func healthy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.deps.Metrics == nil {
		s.writeProblem(w, r, fault.New(fault.CodeNotFound, "there are no metrics"))
		return
	}
	s.deps.Metrics.ServeHTTP(w, r)
}

// ready answers 200 while calls can be placed somewhere: the store is up, and a backend is, if there are any.
func (s *Server) ready(w http.ResponseWriter, r *http.Request, inside bool) {
	body, status := s.readiness(r), http.StatusOK
	if body.Status == "unavailable" {
		status = http.StatusServiceUnavailable
	}
	if !inside {
		body.Checks = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone is told nothing
}

func (s *Server) readiness(r *http.Request) readiness {
	body := readiness{Status: "ok", Checks: map[string]string{}}
	if s.deps.Health == nil {
		return body
	}
	backends, down, storeDown := 0, 0, false
	for name, err := range s.deps.Health(r.Context()) {
		body.Checks[name] = "ok"
		if name != storeCheck {
			backends++
		}
		if err == nil {
			continue
		}
		body.Checks[name] = string(fault.CodeOf(err))
		s.log.Warn("not ready", "part", name, "error", err)
		if name == storeCheck {
			storeDown = true
		} else {
			down++
		}
	}
	switch {
	case storeDown || backends > 0 && down == backends:
		body.Status = "unavailable"
	case down > 0:
		body.Status = "degraded"
	}
	select {
	case <-s.closing:
		body.Status = "unavailable"
	default:
	}
	return body
}
