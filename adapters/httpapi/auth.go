package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"c2d/core/access"
	"c2d/core/fault"
	"c2d/core/identity"
)

// request is what the API knows of a request before it is understood.
type request struct {
	id     string
	lang   string // en or zh-CN
	addr   netip.Addr
	secret string
	origin string
	actor  access.Actor // zero until it is authenticated
}

type requestKey struct{}

// asked returns the request of a context; a context from elsewhere has an empty one.
func asked(ctx context.Context) *request {
	if q, is := ctx.Value(requestKey{}).(*request); is {
		return q
	}
	return &request{lang: "en"}
}

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// begin gives a request its id, language and client address.
func (s *Server) begin(r *http.Request) (*http.Request, *request) {
	q := &request{id: r.Header.Get("X-Request-ID"), lang: languageOf(r.Header.Get("Accept-Language")),
		addr: s.clientAddr(r), origin: r.Header.Get("Origin")}
	if !requestIDs.MatchString(q.id) {
		q.id = identity.NewID()
	}
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, q)), q
}

// clientAddr is the address that the request came from: the connection's, or, when that is a trusted proxy, the last
// one in X-Forwarded-For that is not.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // whatever stands before it may be forged
		}
		addr = hop.Unmap()
	}
	return addr
}

func (s *Server) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// authenticate finds out who asks. Failures count against the address, so that keys cannot be guessed quickly.
func (s *Server) authenticate(r *http.Request, q *request) error {
	var err error
	if q.secret, err = bearer(r.Header); err != nil {
		return err
	}
	q.actor, err = s.actor(r.Context(), q)
	if err == nil {
		return s.allow("key/" + q.actor.KeyID)
	}
	if kind := fault.CodeOf(err).Kind(); kind != fault.Unauthenticated && kind != fault.Forbidden {
		return err
	}
	if slow := s.allow("addr/" + q.addr.String()); slow != nil {
		return slow
	}
	return err
}

// actor is asked again while a stream is open: a key that is revoked ends it.
func (s *Server) actor(ctx context.Context, q *request) (access.Actor, error) {
	a, err := s.deps.Keys.Authenticate(ctx, q.secret, q.addr, q.origin)
	a.Address, a.RequestID = q.addr, q.id
	if err == nil && a.UserID != "" {
		err = s.ownerLives(ctx, a)
	}
	return a, err
}

func (s *Server) allow(key string) error {
	if s.deps.Limiter == nil {
		return nil
	}
	ok, after := s.deps.Limiter.Allow(key)
	if ok {
		return nil
	}
	seconds := int((after + time.Second - 1) / time.Second)
	return fault.New(fault.CodeRateLimited, "too many requests").With("retry_after_s", max(seconds, 1))
}

// bearer returns the secret of the one Authorization header (RFC 6750 section 2.1).
func bearer(h http.Header) (string, error) {
	given := h.Values("Authorization")
	if len(given) != 1 {
		return "", fault.New(fault.CodeUnauthenticated, "send Authorization: Bearer and a key")
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" || len(secret) > 512 {
		return "", fault.New(fault.CodeUnauthenticated, "send Authorization: Bearer and a key")
	}
	return secret, nil
}

// cors tells the browser what pages of configured origins may do, and answers its preflights; done says that the
// answer is written. Pages of other origins get no permission, so that the browser keeps the answer from them.
func (s *Server) cors(w http.ResponseWriter, r *http.Request, q *request) (done bool) {
	if q.origin == "" {
		return false
	}
	w.Header().Add("Vary", "Origin")
	known := slices.Contains(s.cfg.Origins, q.origin)
	if known {
		w.Header().Set("Access-Control-Allow-Origin", q.origin)
		w.Header().Set("Access-Control-Expose-Headers", "Content-Language, ETag, Idempotent-Replayed, Location, Retry-After, X-Request-ID")
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if !known {
		s.writeProblem(w, r, fault.New(fault.CodeOriginDenied, "pages of this origin may not call"))
		return true
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	w.Header().Set("Access-Control-Allow-Headers",
		"Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, X-Request-ID")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
