package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/fault"
)

// Server serves the API. Make one with New; Start and Stop are called once each.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	texts   map[fault.Code]text
	proxies []netip.Prefix
	mux     *http.ServeMux
	api     huma.API
	docs    map[string][]byte // by path
	public  *http.Server
	admin   *http.Server // nil without an admin_listen
	addr    net.Addr

	closing   chan struct{} // closed by Stop: streams and long polls end
	closeOnce sync.Once
	serving   sync.WaitGroup

	mu      sync.Mutex
	streams map[string]int // open ones by key id
}

// New returns a server that listens to nothing yet. The error joins everything that is wrong with cfg.
func New(cfg Config, deps Deps) (*Server, error) {
	if errs := cfg.Check(); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:8080"
	}
	cfg.Limits = cfg.Limits.withDefaults()
	s := &Server{cfg: cfg, deps: deps, log: deps.Log, texts: texts(), mux: http.NewServeMux(),
		closing: make(chan struct{}), streams: map[string]int{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range cfg.TrustedProxies {
		network, _ := prefix(p) // Check has read it
		s.proxies = append(s.proxies, network)
	}
	s.newAPI()
	if err := s.writeDocs(); err != nil {
		return nil, err
	}
	s.public = s.newServer(s.Handler())
	var err error
	if s.public.TLSConfig, err = cfg.TLS.load(); err != nil {
		return nil, err
	}
	if cfg.AdminListen != "" {
		s.admin = s.newServer(s.adminHandler())
		s.admin.TLSConfig = s.public.TLSConfig.Clone()
	}
	return s, nil
}

func (s *Server) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      maxWait + 30*time.Second, // a stream sets its own, write by write
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // handshakes that fail: strangers' noise
	}
}

// writeDocs makes the OpenAPI documents once. huma's own handlers make them at the first request, unlocked.
func (s *Server) writeDocs() error {
	s.finishDocument()
	v31, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return fmt.Errorf("openapi 3.1: %w", err)
	}
	v30, err := s.api.OpenAPI().Downgrade()
	if err != nil {
		return fmt.Errorf("openapi 3.0: %w", err)
	}
	s.docs = map[string][]byte{"/openapi.json": v31, "/openapi-3.0.json": v30}
	return nil
}

// Start listens and serves until Stop. The error says which address is taken.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return err
	}
	if s.admin != nil {
		admin, err := net.Listen("tcp", s.cfg.AdminListen)
		if err != nil {
			_ = l.Close()
			return err
		}
		s.serve(s.admin, admin)
	}
	s.addr = l.Addr()
	s.serve(s.public, l)
	return nil
}

// serve runs a server until Stop shuts it down, which then waits for the goroutine.
func (s *Server) serve(srv *http.Server, l net.Listener) {
	s.serving.Go(func() {
		var err error
		if srv.TLSConfig != nil {
			err = srv.ServeTLS(l, "", "")
		} else {
			err = srv.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("http server ended", "address", l.Addr().String(), "error", err)
		}
	})
}

// Addr returns where the API listens, once started.
func (s *Server) Addr() net.Addr { return s.addr }

// Stop ends streams and long polls, lets other requests finish until ctx ends, and returns when all is closed.
// It may be called again.
func (s *Server) Stop(ctx context.Context) error {
	s.closeOnce.Do(func() { close(s.closing) })
	var errs []error
	for _, srv := range []*http.Server{s.public, s.admin} {
		if srv == nil {
			continue
		}
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, err, srv.Close())
		}
	}
	s.serving.Wait()
	return errors.Join(errs...)
}

// Handler returns everything that the main address serves.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, q := s.begin(r)
		out := &answer{ResponseWriter: w}
		out.Header().Set("X-Request-ID", q.id)
		out.Header().Set("X-Content-Type-Options", "nosniff")
		out.Header().Set("Cache-Control", "no-store")
		defer s.guard(out, r)
		if !s.cors(out, r, q) {
			s.route(out, r, q)
		}
	})
}

func (s *Server) route(w *answer, r *http.Request, q *request) {
	if s.open(w, r, q) {
		return
	}
	if err := s.authenticate(r, q); err != nil {
		s.writeProblem(w, r, err)
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.noRoute(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// noRoute answers for a path that does not exist, or not with that method: the mux would answer in plain text.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	plain := &discard{header: http.Header{}}
	s.mux.ServeHTTP(plain, r)
	p := s.problem(r.Context(), fault.New(fault.CodeNotFound, "there is no such path"))
	if plain.status == http.StatusMethodNotAllowed {
		p.Type, p.Code, p.Status = "urn:c2d:problem:"+codeMethod, codeMethod, plain.status
		p.Title = methodText().in(asked(r.Context()).lang)
		p.Detail = p.Title + " Allow: " + plain.header.Get("Allow")
		p.headers.Set("Allow", plain.header.Get("Allow"))
	}
	s.write(w, p)
}

// guard turns a panic of one request into a problem, and into a line of the log.
func (s *Server) guard(w *answer, r *http.Request) {
	v := recover()
	switch {
	case v == nil:
	case v == http.ErrAbortHandler:
		panic(v)
	case r.Context().Err() != nil: // huma panics when the client has gone while it writes
		s.log.Debug("client gone", "request_id", asked(r.Context()).id)
	case w.begun:
		s.log.Error("request panicked", "request_id", asked(r.Context()).id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	default:
		s.writeProblem(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	}
}

// answer is a response that knows whether it has begun.
type answer struct {
	http.ResponseWriter
	begun bool
}

func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// discard keeps what the mux would have answered.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
